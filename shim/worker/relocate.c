#include "shim/worker/relocate.h"

#include <string.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/memory/relocation.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/worker.h"

#define NAP (10 * NS_PER_MS) /* between two checks that placing goes on */

void relocate_tell(struct mover *mover)
{
    static const uint64_t none[SEGMENT_KEPT];
    if (mover->moved || memcmp(mover->kept, none, sizeof(none)) != 0)
        segment_moved(mover->moved, mover->kept);
    mover->moved = 0;
    memset(mover->kept, 0, sizeof(mover->kept));
}

/*
 * Called between two batches: waits for the budget. false: placing has stopped, the worker has to leave, or the kernel
 * refuses to move pages. The rest then stays where it is.
 */
static bool may_go_on(void *context)
{
    struct mover *mover = context;
    relocate_tell(mover);
    for (uint64_t wait; worker_goes_on() && (wait = mover_wait(mover)) > 0;)
        worker_pause(wait < NAP ? wait : NAP);
    return worker_goes_on() && !mover->error;
}

void relocate_run(struct mover *mover)
{
    struct order order;
    while (relocation_is_due() && may_go_on(mover) && relocation_take(&order)) {
        mover_begin(mover, order.rule);
        relocation_carry_out(mover, &order, may_go_on, mover);
        relocate_tell(mover);
    }
}
