/* The table of base/door.h. It is constant: a start does nothing for it. */
#include "shim/base/door.h"

#include "shim/base/common.h"
#include "shim/base/state.h"

static bool may_place(void)
{
    return atomic_load_explicit(&shim.phase, memory_order_acquire) != PHASE_STOPPED;
}

PUBLIC const struct nodewise_door nodewise_door = {
    .size = sizeof(nodewise_door),
    .version = DOOR_VERSION,
    .governs = shim_is_governing,
    .may_place = may_place,
};
