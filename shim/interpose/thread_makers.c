/*
 * thread_makers: calls of libc that make threads which pass no hook: POSIX timers and message queues with SIGEV_THREAD,
 * asynchronous I/O, name look-ups in the background, clone(2). The shim forwards each call; afterwards the worker
 * sweeps for the threads that it made (worker/sweep.h).
 */
#include <stdarg.h>
#include <stddef.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/interpose/first_thread.h"
#include "shim/worker/sweep.h"

/*
 * The functions have names of their own, because the types are opaque here and the headers' declarations would
 * conflict.
 */
#define MAKER(name, parameters, arguments)                                                                             \
    PUBLIC int make_##name parameters __asm__(#name);                                                                  \
    int make_##name parameters                                                                                         \
    {                                                                                                                  \
        first_thread_prepare();                                                                                        \
        int result = NEXT_OR_ENOSYS(name, arguments);                                                                  \
                                                                                                                       \
        sweep_soon();                                                                                                  \
        return result;                                                                                                 \
    }

MAKER(mq_notify, (int queue, const void *event), (queue, event))
MAKER(aio_read, (void *control), (control))
MAKER(aio_read64, (void *control), (control))
MAKER(aio_write, (void *control), (control))
MAKER(aio_write64, (void *control), (control))
MAKER(lio_listio, (int mode, void *const *list, int count, void *event), (mode, list, count, event))
MAKER(lio_listio64, (int mode, void *const *list, int count, void *event), (mode, list, count, event))
MAKER(getaddrinfo_a, (int mode, void **list, int count, void *event), (mode, list, count, event))
MAKER(timer_create, (int clock, void *event, void *ret_timer), (clock, event, ret_timer))

#define CLONE_THREAD_FLAG 0x10000 /* CLONE_THREAD of sched.h */

/* The last three arguments exist only with certain flags. Forwarding words that do not exist changes nothing. */
PUBLIC int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
    void *rest[3];
    va_list list;

    first_thread_prepare();
    next_clone *next = NEXT_OR_BIND(clone);
    va_start(list, argument);
    for (int i = 0; i < 3; i++)
        rest[i] = va_arg(list, void *);
    va_end(list);
    int result = next(function, stack, flags, argument, rest[0], rest[1], rest[2]);
    if (result > 0 && (flags & CLONE_THREAD_FLAG))
        sweep_soon();
    return result;
}
