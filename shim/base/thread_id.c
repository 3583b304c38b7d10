#include "shim/base/thread_id.h"

#include <time.h>

#include "shim/base/next.h"

/* From the id of its CPU clock: (~tid << 3) | 6 (MAKE_THREAD_CPUCLOCK in Linux; part of the clock_gettime(2) ABI). */
pid_t thread_tid_in_libc(pthread_t thread)
{
    clockid_t clock;
    next_pthread_getcpuclockid *clock_of = NEXT_OR_BIND(pthread_getcpuclockid);
    if (!clock_of || clock_of(thread, &clock) != 0 || (clock & 7) != 6)
        return 0;
    return (pid_t) ~(clock >> 3);
}
