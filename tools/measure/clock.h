/* clock: seconds of a clock that never goes back. */
#ifndef NODEWISE_TOOLS_MEASURE_CLOCK_H
#define NODEWISE_TOOLS_MEASURE_CLOCK_H

#include <time.h>

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
