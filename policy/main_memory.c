#include "policy/main_memory.h"

static bool any_has_policy(const struct plan_rule *rules, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].mem_policy != MEM_DEFAULT)
            return true;
    return false;
}

/* All but the nodes. */
static bool asks_alike(const struct plan_rule *a, const struct plan_rule *b)
{
    return a->mem_policy == b->mem_policy && a->node_ids == b->node_ids &&
           (a->flags & PLAN_RULE_BALANCING) == (b->flags & PLAN_RULE_BALANCING);
}

static bool goes_by_place(const struct plan_rule *rule, const struct plan_slot *slots)
{
    if (rule->mem_policy == MEM_LOCAL || slots[rule->slot_first].mem_mask == 0)
        return true;
    for (uint32_t i = 1; i < rule->slot_count; i++)
        if (slots[rule->slot_first + i].mem_mask != slots[rule->slot_first].mem_mask)
            return true;
    return false;
}

/* A plan stores each mask once, so the same nodes have the same number. */
struct main_memory main_memory_of(const struct plan_rule *rules, uint32_t count, uint32_t default_rule,
                                  const struct plan_slot *slots)
{
    if (!any_has_policy(rules, count))
        return (struct main_memory){MAIN_MEMORY_NOT_ASKED, PLAN_NONE, PLAN_NONE};
    if (default_rule == PLAN_NONE)
        return (struct main_memory){MAIN_MEMORY_UNMATCHED, PLAN_NONE, PLAN_NONE};
    const struct plan_rule *shared = &rules[default_rule];
    for (uint32_t i = 0; i < count; i++)
        if (!asks_alike(&rules[i], shared))
            return (struct main_memory){MAIN_MEMORY_DIFFERS, i, default_rule};
    for (uint32_t i = 0; i < count; i++)
        if (goes_by_place(&rules[i], slots))
            return (struct main_memory){MAIN_MEMORY_BY_PLACE, i, PLAN_NONE};
    for (uint32_t i = 0; i < count; i++)
        if (slots[rules[i].slot_first].mem_mask != slots[shared->slot_first].mem_mask)
            return (struct main_memory){MAIN_MEMORY_DIFFERS, i, default_rule};
    return (struct main_memory){MAIN_MEMORY_SHARED, default_rule, PLAN_NONE};
}
