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

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <threads.h>

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

typedef void *next_mmap(void *, size_t, int, int, int, off_t);
typedef int next_munmap(void *, size_t);
typedef void *next_mremap(void *, size_t, size_t, int, ...);
typedef void *next_mmap64(void *, size_t, int, int, int, off_t);

struct next {
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

#endif
