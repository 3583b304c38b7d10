/* What is left of a governed process after fork: one thread, which is the child's main thread. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/arena/fork.h"
#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/place/place.h"
#include "shim/start/reload.h"
#include "shim/start/share.h"
#include "shim/start/start.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/title.h"
#include "shim/worker/worker.h"

static void reset_process(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    shim.start_realtime = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    shim.start_monotonic = monotonic_ns();
    shim.start_cost_ns = 0;
    atomic_store(&shim.finished, 0);
    facts_forked();
}

/* Also where placing has stopped: the arenas go on, and ask who lives by the pid and whether they are a copy. */
static void become_process(void)
{
    shim.pid = raw_getpid();
    if (shim.fork_mark)
        *shim.fork_mark = 1;
}

/* The other threads' places are free again, and whatever they were in the middle of is over. */
static void reset_places(void)
{
    memset(shim.tables, 0, shim.tables_size);
    atomic_store(&shim.next_index, 1);
    atomic_store(&shim.claims, 0);
    atomic_store(&shim.early_names, 0);
    if (thread_self)
        thread_self->holds_pick = false;
    thread_forget_others(thread_self);
}

void shim_forked(void)
{
    int saved = errno;
    uint32_t phase = atomic_load(&shim.phase);
    become_process();
    arena_fork_child();
    worker_forked();
    reload_forked();
    segment_leave();
    if (phase == PHASE_ACTIVE) {
        reset_process();
        share_forked();
        reset_places();
        shim.segment_due = true;
        place_main(true);
        title_forked();
    }
    if (phase == PHASE_PAUSED) /* the thread that was changing the plan is not here to bring it to an end */
        atomic_store(&shim.phase, PHASE_STOPPED);
    errno = saved;
}
