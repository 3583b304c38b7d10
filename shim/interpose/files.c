/*
 * files: the kernel's list of CPUs, /sys/devices/system/cpu/online, as the program reads it through libc ([cpu_count]
 * apis has "sysfs"). The program opens the file; the shim then replaces the file behind the descriptor by a list of the
 * CPUs that it reports. And files of /proc by which a program names its threads. All other calls are forwarded
 * unchanged.
 */
#undef _FILE_OFFSET_BITS /* it makes open another name of open64 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/place/cpu_count.h"
#include "shim/sys/call.h"
#include "shim/sys/raw.h"
#include "shim/worker/sweep.h"

#define ONLINE    "/sys/devices/system/cpu/online"
#define LIST_SIZE 4096u

/* Writes a list such as "0-3,8\n". What does not fit is left out. */
static size_t write_list(const struct mask *mask, char *ret_text, size_t size)
{
    struct text_writer writer = {ret_text, size, 0};
    for (size_t id = 0; id < mask->words * 64 && writer.length + 32 < size; id++) {
        size_t last = id;
        if (!mask_has(mask, id))
            continue;
        while (mask_has(mask, last + 1))
            last++;
        if (writer.length)
            write_char(&writer, ',');
        write_number(&writer, id, 0);
        if (last > id) {
            write_char(&writer, '-');
            write_number(&writer, last, 0);
        }
        id = last;
    }
    write_char(&writer, '\n');
    return writer.length;
}

/* Returns the descriptor of a memory file with the list, or -1. */
static int list_file(void)
{
    char text[LIST_SIZE];
    struct mask mask;
    if (mask_open(&mask) < 0)
        return -1;
    cpu_count_told_mask(&mask);
    size_t length = write_list(&mask, text, sizeof(text));
    mask_close(&mask);
    int fd = (int)raw_call(SYS_memfd_create, "cpus", MFD_CLOEXEC);
    if (fd >= 0 && (raw_write(fd, text, length) != (ssize_t)length || raw_call(SYS_lseek, fd, 0, SEEK_SET) != 0)) {
        raw_close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_asked_for(const char *path)
{
    return cpu_count_is_told(CPU_API_SYSFS) && !strcmp(path, ONLINE);
}

/* The open succeeded, so `path` is a valid string. */
static int answer(int fd, const char *path)
{
    int saved = errno;
    if (fd < 0 || LIKELY(!is_asked_for(path)))
        return fd;
    int flags = (int)raw_call(SYS_fcntl, fd, F_GETFD);
    int list = list_file();
    if (list >= 0) {
        raw_call(SYS_dup3, list, fd, flags > 0 && (flags & FD_CLOEXEC) ? O_CLOEXEC : 0);
        raw_close(list);
    }
    errno = saved;
    return fd;
}

/*
 * Is it a file of a thread's name, /proc/self/task/TID/comm or /proc/PID/comm? The shim does not see what is written,
 * so the worker looks a moment later.
 */
static bool is_name_of_ours(const char *path)
{
    static const char proc[] = "/proc/", name[] = "/comm";
    if (LIKELY(strncmp(path, proc, sizeof(proc) - 1) != 0))
        return false;
    size_t length = strlen(path);
    path += sizeof(proc) - 1;
    if (strcmp(path + length - (sizeof(proc) - 1) - (sizeof(name) - 1), name) != 0)
        return false;
    return !strncmp(path, "self/", 5) || !strncmp(path, "thread-self/", 12) || read_number(&path) == (uint64_t)shim.pid;
}

static void note_writer(bool writes, const char *path)
{
    if (writes && UNLIKELY(is_name_of_ours(path)))
        sweep_names_soon();
}

/* open(2) has a mode argument only with these flags. */
static mode_t mode_of(int flags, va_list list)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

/*
 * before: the parameters in front of the path, followed by a comma, or nothing. folder: where a relative path begins.
 */
#define OPEN(name, before, given, folder)                                                                              \
    PUBLIC int name(UNWRAP before const char *path, int flags, ...)                                                    \
    {                                                                                                                  \
        next_##name *next = NEXT_OR_BIND(name);                                                                        \
        va_list list;                                                                                                  \
        mode_t mode;                                                                                                   \
                                                                                                                       \
        va_start(list, flags);                                                                                         \
        mode = mode_of(flags, list);                                                                                   \
        va_end(list);                                                                                                  \
        int fd = answer(next ? next(UNWRAP given path, flags, mode)                                                    \
                             : (int)program_call(SYS_openat, folder, path, flags, mode),                               \
                        path);                                                                                         \
        note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);                                                 \
        return fd;                                                                                                     \
    }
#define UNWRAP(...) __VA_ARGS__

OPEN(open, (), (), AT_FDCWD)
OPEN(open64, (), (), AT_FDCWD)
OPEN(openat, (int folder, ), (folder, ), folder)
OPEN(openat64, (int folder, ), (folder, ), folder)

/* _FORTIFY_SOURCE turns calls without a mode into these. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

PUBLIC int __open_2(const char *path, int flags)
{
    next___open_2 *next = NEXT_OR_BIND(__open_2);

    int fd = answer(next(path, flags), path);
    note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);
    return fd;
}

PUBLIC int __open64_2(const char *path, int flags)
{
    next___open64_2 *next = NEXT_OR_BIND(__open64_2);

    int fd = answer(next(path, flags), path);
    note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);
    return fd;
}

static FILE *answer_stream(FILE *stream, const char *path, const char *mode)
{
    next_fileno *number_of = stream && is_asked_for(path) ? NEXT_OR_BIND(fileno) : NULL;
    if (number_of)
        answer(number_of(stream), path);
    note_writer(stream && (*mode != 'r' || strchr(mode, '+')), path);
    return stream;
}

PUBLIC FILE *fopen(const char *path, const char *mode)
{
    next_fopen *next = NEXT_OR_BIND(fopen);

    return answer_stream(next(path, mode), path, mode);
}

PUBLIC FILE *fopen64(const char *path, const char *mode)
{
    next_fopen64 *next = NEXT_OR_BIND(fopen64);

    return answer_stream(next(path, mode), path, mode);
}
