/* The state of a governed process after fork: one thread is left, and it becomes the child's main thread. */
#include <errno.h>
#include <unistd.h>

#include "shim/arena/fork.h"
#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/place/board_file.h"
#include "shim/place/counted.h"
#include "shim/place/place.h"
#include "shim/place/settle.h"
#include "shim/start/activate.h"
#include "shim/start/finish.h"
#include "shim/start/reload.h"
#include "shim/start/share.h"
#include "shim/start/start.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/title.h"
#include "shim/worker/worker.h"

static void reset_process(void)
{
    state_start_clocks();
    finish_forked();
    facts_forked();
}

/* Also runs where placing has stopped: the arenas go on and need the pid and the fork mark. */
static void become_process(void)
{
    shim.pid = raw_getpid();
    if (shim.fork_mark)
        *shim.fork_mark = 1;
}

/* Frees the places of the other threads. Whatever those were doing is over. */
static void reset_places(void)
{
    activate_forked();
    atomic_store(&shim.next_index, 1);
    if (thread_self) {
        thread_self->holds_pick = false;
        counted_forget(thread_self);
    }
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
        board_file_forked();
        share_forked();
        reset_places();
        settle_forked();
        shim.segment_due = true;
        place_main(true);
        title_forked();
    }
    if (phase == PHASE_PAUSED) /* the child has no thread that could complete the reload */
        atomic_store(&shim.phase, PHASE_STOPPED);
    errno = saved;
}
