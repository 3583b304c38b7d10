/*
 * first_thread: what is made ready while the program has one thread. Any thread; errno kept.
 *
 * All functions behind the shim's are looked up: a look-up takes the loader's lock, and a thread must not wait for that
 * while somebody holds it who waits for the thread, such as the constructor of a plug-in.
 *
 * With arenas the C library's allocator is set up. Without us it is by then, because the first thread's memory comes
 * from it. glibc does that without a lock, so two threads whose first calls come at once would meet incomplete bins.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_FIRST_THREAD_H
#define NODEWISE_SHIM_INTERPOSE_FIRST_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shim/base/common.h"

extern _Atomic bool first_thread_is_ready __attribute__((visibility("hidden")));
void first_thread_make_ready(void);

/* Before each call that may make a thread. */
static inline void first_thread_prepare(void)
{
    if (UNLIKELY(!atomic_load_explicit(&first_thread_is_ready, memory_order_acquire)))
        first_thread_make_ready();
}

#endif
