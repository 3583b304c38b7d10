/*
 * next: the functions that ours stand in front of, bound with dlsym(RTLD_NEXT) (so whatever versions libc has,
 * and whoever else interposes, stays in the chain).
 *
 * next_bind() is idempotent; every interposed function calls next_ready() first, because the program's threads
 * may start before our constructor. Relaxed atomics: all writers store the same values.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_NEXT_H
#define NODEWISE_SHIM_INTERPOSE_NEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>

typedef int next_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int next_thrd_create(thrd_t *, thrd_start_t, void *);
typedef int next_pthread_setname_np(pthread_t, const char *);
typedef int next_prctl(int, ...);
typedef void next__exit(int);
typedef void next__Exit(int);

struct next {
#define SYMBOL(name, family, required) _Atomic(next_##name *) name;
#include "shim/interpose/symbols.def"
#undef SYMBOL
};

extern struct next nw_next;

void next_bind(void);

/* Binds at the first call and starts the shim when nobody has yet. */
void next_ready(void);

#define NEXT(name) atomic_load_explicit(&nw_next.name, memory_order_relaxed)

#endif
