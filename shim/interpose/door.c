/* The table of base/door.h. It is constant: a start does nothing for it. */
#include "shim/base/door.h"

#include <string.h>

#include "policy/match.h"
#include "shim/arena/arena.h"
#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/memory/hands.h"
#include "shim/place/hold.h"
#include "shim/place/offered.h"
#include "shim/telemetry/exchanges.h"
#include "shim/telemetry/pools.h"

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

static uint32_t count_places(const struct plan_view *plan, const struct plan_rule *rule)
{
    uint32_t places = 0;
    for (uint32_t i = 0; i < rule->slot_count; i++)
        places += plan->slots[rule->slot_first + i].cores;
    return places;
}

static bool find_in_plan(const char *name, struct door_pool *ret_pool)
{
    const struct plan_view *plan = &shim.plan;
    for (uint32_t i = 0; i < plan->header->pool_count; i++) {
        struct plan_pool pool = plan_pool(plan, i);
        const struct plan_rule *rule = &plan->rules[pool.rule];
        if (strcmp(plan_text(plan, rule->name), name) != 0)
            continue;
        *ret_pool = (struct door_pool){pool.size,  pool.number,  count_places(plan, rule),
                                       pool.steal, pool.spin_us, pool.backlog};
        return true;
    }
    return false;
}

static bool find_pool(const char *name, struct door_pool *ret_pool)
{
    if (!shim_enter())
        return false;
    bool found = find_in_plan(name, ret_pool);
    shim_leave();
    return found;
}

static bool is_named(const struct plan_exchange *exchange, const char *name)
{
    const uint32_t *patterns = &shim.plan.patterns[exchange->pattern_first];
    for (uint32_t i = 0; i < exchange->pattern_count; i++)
        if (glob_match(plan_text(&shim.plan, patterns[i]), name))
            return true;
    return false;
}

static bool find_exchange_in_plan(const char *name, struct door_exchange *ret_exchange)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t i = 0;
    while (i < plan->count[PLAN_EXCHANGES] && !is_named(&plan->exchanges[i], name))
        i++;
    if (i == plan->count[PLAN_EXCHANGES])
        return false;
    const struct plan_exchange *found = &plan->exchanges[i];
    const struct plan_rule *rule = &plan->rules[found->rule];
    *ret_exchange = (struct door_exchange){.how = found->size,
                                           .number = found->number,
                                           .places = count_places(plan, rule),
                                           .spin_us = found->spin_us,
                                           .memory_limit = found->memory_limit,
                                           .ring = found->ring,
                                           .transport = found->transport};
    strncpy(ret_exchange->threads, plan_text(plan, rule->name), sizeof(ret_exchange->threads) - 1);
    return true;
}

static bool find_exchange(const char *name, struct door_exchange *ret_exchange)
{
    if (!shim_enter())
        return false;
    bool found = find_exchange_in_plan(name, ret_exchange);
    shim_leave();
    return found;
}

_Static_assert(sizeof(struct door_counts) == sizeof(struct segment_worker_counts), "one is written as the other");
_Static_assert(offsetof(struct door_counts, stolen) == offsetof(struct segment_worker_counts, stolen), "in this order");
_Static_assert(offsetof(struct door_counts, woken) == offsetof(struct segment_worker_counts, woken), "in this order");

static struct door_counts *pool_counts(uint32_t worker)
{
    return (struct door_counts *)(void *)pools_counts(worker);
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
    .find_pool = find_pool,
    .open_pool = pools_open,
    .close_pool = pools_close,
    .enter_pool = pools_enter,
    .leave_pool = pools_leave,
    .pool_counts = pool_counts,
    .take_place = offered_take,
    .find_exchange = find_exchange,
    .open_exchange = exchanges_open,
    .close_exchange = exchanges_close,
    .enter_exchange = exchanges_enter,
    .leave_exchange = exchanges_leave,
    .tell_peer = exchanges_tell_peer,
    .tell_flow = exchanges_tell_flow,
    .tell_hands = hands_tell,
};
