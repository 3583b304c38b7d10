/* What is left of a governed process after fork: one thread, which is the child's main thread. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/arena/fork.h"
#include "shim/memory/follower.h"
#include "shim/place/place.h"
#include "shim/start/facts.h"
#include "shim/start/start.h"
#include "shim/state.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"

static void reset_process(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    nw_shim.start_realtime = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    nw_shim.start_monotonic = monotonic_ns();
    nw_shim.start_cost_ns = 0;
    nw_shim.pid = raw_getpid();
    atomic_store(&nw_shim.finished, 0);
    if (nw_shim.fork_mark)
        *nw_shim.fork_mark = 1;
    facts_forked();
}

/* The other threads' places are free again, and whatever they were in the middle of is over. */
static void reset_places(void)
{
    memset(nw_shim.tables, 0, nw_shim.tables_size);
    atomic_store(&nw_shim.next_index, 1);
    atomic_store(&nw_shim.claims, 0);
    atomic_store(&nw_shim.early_names, 0);
    if (nw_self)
        nw_self->holds_pick = false;
    thread_forget_others(nw_self);
}

void shim_forked(void)
{
    int saved = errno;
    uint32_t phase = atomic_load(&nw_shim.phase);

    arena_fork_child();
    follower_forked();
    segment_leave();
    if (phase == PHASE_ACTIVE) {
        reset_process();
        reset_places();
        nw_shim.segment_due = true;
        place_main(true);
    }
    errno = saved;
}
