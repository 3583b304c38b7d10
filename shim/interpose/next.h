/*
 * next: the functions that ours stand in front of, bound with dlsym(RTLD_NEXT) (so whatever versions libc has,
 * and whoever else interposes, stays in the chain).
 *
 * next_bind() is idempotent; every interposed function of threads and names calls next_ready() first, because the
 * program's threads may start before our constructor. The malloc family binds each symbol at its first forwarded call,
 * NEXT_OR_BIND(). Relaxed atomics: all writers store the same values.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_NEXT_H
#define NODEWISE_SHIM_INTERPOSE_NEXT_H

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/types.h>
#include <threads.h>
#include <time.h>

typedef int next_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int next_thrd_create(thrd_t *, thrd_start_t, void *);
typedef int next_pthread_setname_np(pthread_t, const char *);
typedef int next_prctl(int, ...);
typedef void next__exit(int);
typedef void next__Exit(int);

typedef void *next_dlopen(const char *, int);

typedef void *next_malloc(size_t);
typedef void *next_calloc(size_t, size_t);
typedef void *next_realloc(void *, size_t);
typedef void next_free(void *);
typedef void *next_memalign(size_t, size_t);
typedef void *next_aligned_alloc(size_t, size_t);
typedef int next_posix_memalign(void **, size_t, size_t);
typedef void *next_valloc(size_t);
typedef void *next_pvalloc(size_t);
typedef void *next_reallocarray(void *, size_t, size_t);
typedef void next_cfree(void *);
typedef void next_free_sized(void *, size_t);
typedef void next_free_aligned_sized(void *, size_t, size_t);
typedef size_t next_malloc_usable_size(void *);
typedef int next_malloc_trim(size_t);
typedef struct mallinfo next_mallinfo(void);
typedef struct mallinfo2 next_mallinfo2(void);
typedef void next_malloc_stats(void);
typedef int next_malloc_info(int, FILE *);
typedef int next_mallopt(int, int);
typedef void *next___libc_malloc(size_t);
typedef void *next___libc_calloc(size_t, size_t);
typedef void *next___libc_realloc(void *, size_t);
typedef void next___libc_free(void *);
typedef void *next___libc_memalign(size_t, size_t);
typedef void *next___libc_valloc(size_t);
typedef void *next___libc_pvalloc(size_t);

typedef long next_syscall(long, long, long, long, long, long, long);
typedef int next_sched_setaffinity(pid_t, size_t, const cpu_set_t *);
typedef int next_sched_getaffinity(pid_t, size_t, cpu_set_t *);
typedef int next_pthread_setaffinity_np(pthread_t, size_t, const cpu_set_t *);
typedef int next_pthread_getaffinity_np(pthread_t, size_t, cpu_set_t *);
typedef int next_pthread_attr_getaffinity_np(const pthread_attr_t *, size_t, cpu_set_t *);
typedef long next_set_mempolicy(int, const unsigned long *, unsigned long);
typedef long next_mbind(void *, unsigned long, int, const unsigned long *, unsigned long, unsigned);
typedef long next_sysconf(int);
typedef int next_get_nprocs(void);
typedef int next_get_nprocs_conf(void);

typedef int next_open(const char *, int, ...);
typedef int next_open64(const char *, int, ...);
typedef int next_openat(int, const char *, int, ...);
typedef int next_openat64(int, const char *, int, ...);
typedef int next___open_2(const char *, int);
typedef int next___open64_2(const char *, int);
typedef FILE *next_fopen(const char *, const char *);
typedef FILE *next_fopen64(const char *, const char *);

typedef int next_clone(int (*)(void *), void *, int, void *, ...);
typedef int next_timer_create(int, void *, void *);
typedef int next_mq_notify(int, const void *);
typedef int next_aio_read(void *);
typedef int next_aio_read64(void *);
typedef int next_aio_write(void *);
typedef int next_aio_write64(void *);
typedef int next_lio_listio(int, void *const *, int, void *);
typedef int next_lio_listio64(int, void *const *, int, void *);
typedef int next_getaddrinfo_a(int, void **, int, void *);

typedef int next_epoll_wait(int, struct epoll_event *, int, int);
typedef int next_epoll_pwait(int, struct epoll_event *, int, int, const sigset_t *);
typedef int next_poll(struct pollfd *, nfds_t, int);
typedef int next_ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
typedef int next_select(int, fd_set *, fd_set *, fd_set *, struct timeval *);
typedef int next_nanosleep(const struct timespec *, struct timespec *);
typedef int next_clock_nanosleep(clockid_t, int, const struct timespec *, struct timespec *);
typedef int next_usleep(useconds_t);

typedef void *next_mmap(void *, size_t, int, int, int, off_t);
typedef int next_munmap(void *, size_t);
typedef void *next_mremap(void *, size_t, size_t, int, ...);
typedef void *next_mmap64(void *, size_t, int, int, int, off_t);

struct next {
    _Atomic(next_pthread_attr_getaffinity_np *) pthread_attr_getaffinity_np; /* called, not taken over */
#define SYMBOL(name, family, required) _Atomic(next_##name *) name;
#include "shim/interpose/symbols.def"
#undef SYMBOL
};

extern struct next nw_next __attribute__((visibility("hidden")));

void next_bind(void);

/* Binds at the first call and starts the shim when nobody has yet. */
void next_ready(void);

/* dlsym(RTLD_NEXT); NULL: nobody has it. */
void *next_find(const char *name);

#define NEXT(name) atomic_load_explicit(&nw_next.name, memory_order_relaxed)

/* The function behind ours, looked up at the first use; NULL: nobody has it. */
#define NEXT_OR_BIND(name)                                                                                             \
    ({                                                                                                                 \
        next_##name *found_ = NEXT(name);                                                                              \
        if (__builtin_expect(!found_, 0)) {                                                                            \
            found_ = (next_##name *)next_find(#name);                                                                  \
            atomic_store_explicit(&nw_next.name, found_, memory_order_relaxed);                                        \
        }                                                                                                              \
        found_;                                                                                                        \
    })

/* The result of the function behind ours, with these arguments in parentheses; -1 and ENOSYS where nobody has it. */
#define NEXT_OR_ENOSYS(name, arguments)                                                                                \
    ({                                                                                                                 \
        next_##name *next_ = NEXT_OR_BIND(name);                                                                       \
        next_ ? next_ arguments : (errno = ENOSYS, -1);                                                                \
    })

#endif
