/*
 * raw: the shim's kernel calls that place nothing (those that place are in placing.h), made without libc.
 *
 * The shim does not use libc's functions of the same names, for three reasons. They are cancellation points: a thread
 * that is cancelled would leave in the middle of the shim's work. Other preloaded libraries interpose them and must not
 * see the shim's calls; the shim interposes some itself (syscall(2) among them). Each is a symbol to look up, and often
 * a page of libc to map, at the start of every process: without these 24 a dormant start takes 15 us less.
 *
 * All functions: any thread, signal-safe, results and errno as in the manual page of the call. The shim uses the calls
 * with an "at", because newer architectures have only those, but where the loader makes an older one: that one is
 * certain (allowed.h). off_t has 64 bits here.
 */
#ifndef NODEWISE_SHIM_SYS_RAW_H
#define NODEWISE_SHIM_SYS_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "shim/sys/call.h"
#include "shim/sys/status.h"

/*
 * For where the calls below are not allowed, or a filter refuses them: the last number of the line NSpid in that file; 0: it
 * cannot be read. errno kept.
 */
pid_t raw_own_number(const char *path);

/* A negative number of a process means many of them to kill(2) and the like: none leaves this function. */
static inline pid_t raw_ask_number(long call, const char *otherwise)
{
    long number = call_is_allowed(call) ? raw_call_6(call, 0, 0, 0, 0, 0, 0) : 0;
    return number > 0 ? (pid_t)number : raw_own_number(otherwise);
}

static inline pid_t raw_getpid(void)
{
    return raw_ask_number(SYS_getpid, "/proc/self/status");
}

static inline pid_t raw_gettid(void)
{
    return raw_ask_number(SYS_gettid, "/proc/thread-self/status");
}

/* 0: not known, or of another pid namespace. */
static inline pid_t raw_getppid(void)
{
    long number = call_is_allowed(SYS_getppid) ? raw_call_6(SYS_getppid, 0, 0, 0, 0, 0, 0) : 0;
    return number > 0 ? (pid_t)number : 0;
}

/* --- files --- */

static inline int raw_openat(int folder, const char *path, int flags, mode_t mode)
{
    return (int)raw_call(SYS_openat, folder, path, flags, mode);
}

/* Creates nothing. */
static inline int raw_open(const char *path, int flags)
{
    return raw_openat(AT_FDCWD, path, flags, 0);
}

static inline int raw_close(int fd)
{
    return (int)raw_call(SYS_close, fd);
}

static inline ssize_t raw_read(int fd, void *ret_data, size_t size)
{
    return raw_call(SYS_read, fd, ret_data, size);
}

static inline ssize_t raw_write(int fd, const void *data, size_t size)
{
    return raw_call(SYS_write, fd, data, size);
}

static inline ssize_t raw_readlink(const char *path, char *ret_text, size_t size)
{
    return raw_call(SYS_readlinkat, AT_FDCWD, path, ret_text, size);
}

static inline int raw_access(const char *path, int mode)
{
#ifdef SYS_access /* which the loader makes, too */
    return (int)raw_call(SYS_access, path, mode);
#else
    return (int)raw_call(SYS_faccessat, AT_FDCWD, path, mode);
#endif
}

/* glibc's struct stat equals the kernel's on all 64-bit machines. */
static inline int raw_fstat(int fd, struct stat *ret_info)
{
#ifdef SYS_fstat
    if (!call_is_allowed(SYS_newfstatat))
        return (int)raw_call(SYS_fstat, fd, ret_info);
#endif
    return (int)raw_call(SYS_newfstatat, fd, "", ret_info, AT_EMPTY_PATH);
}

static inline int raw_lstat(const char *path, struct stat *ret_info)
{
    if (call_is_allowed(SYS_newfstatat))
        return (int)raw_call(SYS_newfstatat, AT_FDCWD, path, ret_info, AT_SYMLINK_NOFOLLOW);
    int fd = raw_open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = raw_fstat(fd, ret_info);
    raw_close(fd);
    return result;
}

static inline int raw_mkdirat(int folder, const char *path, mode_t mode)
{
    return (int)raw_call(SYS_mkdirat, folder, path, mode);
}

static inline int raw_chmodat(int folder, const char *path, mode_t mode)
{
    return (int)raw_call(SYS_fchmodat, folder, path, mode);
}

static inline int raw_unlinkat(int folder, const char *path)
{
    return (int)raw_call(SYS_unlinkat, folder, path, 0);
}

static inline int raw_ftruncate(int fd, off_t size)
{
    return (int)raw_call(SYS_ftruncate, fd, size);
}

/* Allocates the first size bytes of the file. */
static inline int raw_fallocate(int fd, off_t size)
{
    return (int)raw_call(SYS_fallocate, fd, 0, (off_t)0, size);
}

static inline int raw_pipe(int ret_ends[2], int flags)
{
    return (int)raw_call(SYS_pipe2, ret_ends, flags);
}

/* fd and to must differ. */
static inline int raw_dup(int fd, int to)
{
    return (int)raw_call(SYS_dup3, fd, to, 0);
}

/* --- memory --- */

static inline void *raw_mmap(void *start, size_t size, int protection, int flags, int fd)
{
    return (void *)raw_call(SYS_mmap, start, size, protection, flags, fd, (off_t)0); /* MAP_FAILED is -1 as well */
}

static inline int raw_munmap(void *start, size_t size)
{
    return (int)raw_call(SYS_munmap, start, size);
}

static inline int raw_mprotect(void *start, size_t size, int protection)
{
    return (int)raw_call(SYS_mprotect, start, size, protection);
}

static inline int raw_madvise(void *start, size_t size, int advice)
{
    return (int)raw_call(SYS_madvise, start, size, advice);
}

#define RAW_MOVE_MAPPED (1 | 2 | 4) /* MREMAP_MAYMOVE, _FIXED, _DONTUNMAP */

/*
 * Moves the pages of a private anonymous range to another one, which loses its own. The first stays mapped, with none.
 * Returns 0 or a negative errno; -EINVAL on kernels before 5.7.
 */
static inline int raw_move_mapped(void *from, void *to, size_t size)
{
    uintptr_t at = (uintptr_t)raw_call(SYS_mremap, from, size, size, RAW_MOVE_MAPPED, to);
    return at == (uintptr_t)to ? 0 : -errno;
}

/* Makes the pages present and writable at once. Returns 0 or a negative errno; -EINVAL on kernels before 5.14. */
static inline int raw_make_present(void *start, size_t size)
{
    const int populate_write = 23; /* MADV_POPULATE_WRITE, which headers older than 5.14 lack */
    return raw_madvise(start, size, populate_write) == 0 ? 0 : -errno;
}

/* The same for private memory, whose pages it touches instead on kernels before 5.14. */
static inline int raw_populate(void *start, size_t size)
{
    int error = raw_make_present(start, size);
    if (error != -EINVAL)
        return error;
    for (size_t i = 0; i < size; i += 4096) /* no kernel has smaller pages */
        ((volatile char *)start)[i] = 0;
    return 0;
}

static inline int raw_limit(int resource, struct rlimit *ret_limit)
{
    return (int)raw_call(SYS_prlimit64, 0, resource, NULL, ret_limit);
}

/* May a file have that size? Where RLIMIT_FSIZE says no, the kernel sends SIGXFSZ to a process that tries. */
static inline bool raw_may_size(uint64_t size)
{
    struct rlimit limit;
    if (!call_is_allowed(SYS_prlimit64))
        return size <= status_file_limit();
    return raw_limit(RLIMIT_FSIZE, &limit) == 0 && size <= limit.rlim_cur;
}

#endif
