/* The table of base/door.h. It is constant: a start does nothing for it. */
#include "shim/base/door.h"

#include <string.h>

#include "shim/arena/arena.h"
#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/place/hold.h"

static bool may_place(void)
{
    return atomic_load_explicit(&shim.phase, memory_order_acquire) != PHASE_STOPPED;
}

static bool base_mask(uint64_t *ret_bits, size_t words)
{
    if (!shim_is_governing())
        return false;
    size_t known = words < BASE_MASK_WORDS ? words : BASE_MASK_WORDS;
    memcpy(ret_bits, shim.base.mask, known * 8);
    memset(ret_bits + known, 0, (words - known) * 8);
    return true;
}

static void *alloc_on(uint32_t node, size_t size)
{
    return arena_is_on() ? arena_allocate_on(node, size) : NULL;
}

PUBLIC const struct nodewise_door nodewise_door = {
    .size = sizeof(nodewise_door),
    .version = DOOR_VERSION,
    .governs = shim_is_governing,
    .may_place = may_place,
    .base_mask = base_mask,
    .hold = hold_begin,
    .release = hold_end,
    .alloc_on = alloc_on,
};
