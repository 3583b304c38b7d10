/* names: pthread_setname_np, for the calling thread and for others. */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/interpose/thread_id.h"
#include "shim/place/place.h"
#include "shim/start/start.h"

/*
 * The kernel's number of a thread, from the id of its CPU clock: (~tid << 3) | 6 (MAKE_THREAD_CPUCLOCK in Linux; part
 * of the clock_gettime(2) ABI). 0: there is no such thread.
 */
pid_t thread_id_of(pthread_t thread)
{
    clockid_t clock;
    if (pthread_equal(thread, pthread_self()))
        return thread_own_tid();
    next_pthread_getcpuclockid *clock_of = NEXT_OR_BIND(pthread_getcpuclockid);
    if (!clock_of || clock_of(thread, &clock) != 0 || (clock & 7) != 6)
        return 0;
    return (pid_t) ~(clock >> 3);
}

PUBLIC int pthread_setname_np(pthread_t thread, const char *name)
{
    shim_ready();
    next_pthread_setname_np *next = NEXT_OR_BIND(pthread_setname_np);
    int error = next ? next(thread, name) : ENOSYS;
    if (error || !shim_is_governing())
        return error;
    if (!pthread_equal(thread, pthread_self()) || !place_has_name(name)) {
        pid_t tid = thread_id_of(thread);
        if (tid > 0)
            place_renamed(tid, name);
    }
    place_catch_up();
    return 0;
}
