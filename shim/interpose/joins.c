/*
 * joins: calls that free what libc kept of an ended thread. libc may hold its lock of stacks meanwhile, which a new thread
 * needs: so no free in these calls starts the worker (worker_wake_in_free()). They do nothing else, and need no plan.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <threads.h>
#include <time.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/thread.h"

/* musl's header has no such function; a program that was made for glibc may still call it. */
int pthread_clockjoin_np(pthread_t thread, void **ret_value, clockid_t clock, const struct timespec *until);

/* A thread that is cancelled in such a call keeps the mark: it ends, and starts no worker. */
#define JOIN(name, missing, parameters, arguments)                                                                     \
    PUBLIC int name parameters                                                                                         \
    {                                                                                                                  \
        bool before = thread_in_libc;                                                                                  \
        next_##name *next = NEXT_OR_BIND(name);                                                                        \
                                                                                                                       \
        thread_in_libc = true;                                                                                         \
        int result = next ? next arguments : missing;                                                                  \
        thread_in_libc = before;                                                                                       \
        return result;                                                                                                 \
    }

JOIN(pthread_join, ENOSYS, (pthread_t thread, void **ret_value), (thread, ret_value))
JOIN(pthread_tryjoin_np, ENOSYS, (pthread_t thread, void **ret_value), (thread, ret_value))
JOIN(pthread_timedjoin_np, ENOSYS, (pthread_t thread, void **ret_value, const struct timespec *until),
     (thread, ret_value, until))
JOIN(pthread_clockjoin_np, ENOSYS, (pthread_t thread, void **ret_value, clockid_t clock, const struct timespec *until),
     (thread, ret_value, clock, until))
JOIN(pthread_detach, ENOSYS, (pthread_t thread), (thread))
JOIN(thrd_join, thrd_error, (thrd_t thread, int *ret_result), (thread, ret_result))
JOIN(thrd_detach, thrd_error, (thrd_t thread), (thread))
