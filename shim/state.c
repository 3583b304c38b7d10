#include "shim/state.h"

#include <time.h>
#include <unistd.h>

struct shim nw_shim;

bool shim_was_forked(void)
{
    return nw_shim.fork_mark ? !*nw_shim.fork_mark : getpid() != nw_shim.pid;
}

uint64_t monotonic_ns(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
