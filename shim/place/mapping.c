#include "shim/place/mapping.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/match.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/memory/owned.h"
#include "shim/place/apply.h"
#include "shim/place/origin.h"
#include "shim/place/thread_policy.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/texts.h"

struct mapping {
    void *start;
    size_t size;
    int protection;
    enum mapping_kind kind;
    const void *caller;
};

/* --- the mapping rule --- */

static enum mapping_kind kind_of(int flags)
{
    if (flags & MAP_HUGETLB)
        return MAPPING_HUGE;
    if (flags & (MAP_STACK | MAP_GROWSDOWN))
        return MAPPING_STACK;
    if (!(flags & MAP_ANONYMOUS))
        return MAPPING_FILE;
    return (flags & MAP_TYPE) == MAP_PRIVATE ? MAPPING_ANONYMOUS : MAPPING_SHARED;
}

static bool caller_fits(const struct plan_mapping_rule *mapping_rule, const void *caller)
{
    const struct plan_view *plan = &shim.plan;
    if (!mapping_rule->library.count && !mapping_rule->function.count)
        return true;
    struct origin origin = origin_of(caller);
    return (!mapping_rule->library.count || match_path(plan, &mapping_rule->library, texts_get(origin.library))) &&
           (!mapping_rule->function.count || match_text(plan, &mapping_rule->function, texts_get(origin.function)));
}

static bool fits(const struct plan_mapping_rule *mapping_rule, const struct mapping *mapping)
{
    return (mapping_rule->kind == MAPPING_COUNT || mapping_rule->kind == mapping->kind) &&
           mapping->size >= mapping_rule->min_size && mapping->size <= mapping_rule->max_size &&
           caller_fits(mapping_rule, mapping->caller);
}

static uint32_t rule_here(void)
{
    return thread_self && thread_self->rule != PLAN_NONE ? thread_self->rule : shim.plan.header->default_rule;
}

static const struct plan_mapping_rule *find_mapping_rule(const struct mapping *mapping)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t number = rule_here();
    const struct plan_rule *rule = number == PLAN_NONE ? NULL : &plan->rules[number];
    for (uint32_t i = 0; rule && i < rule->mapping_rules_count; i++)
        if (fits(&plan->mapping_rules[rule->mapping_rules_first + i], mapping))
            return &plan->mapping_rules[rule->mapping_rules_first + i];
    return NULL;
}

/* --- its application --- */

struct result {
    enum outcome outcome;
    enum reason reason;
};

/* Only the first shortfall is reported. */
static void fell_short(struct result *result, enum outcome outcome, enum reason reason)
{
    if (result->outcome == OUTCOME_STRICT)
        *result = (struct result){outcome, reason};
}

/* The nodes of the mapping rule, or else those of the thread's place. */
static void nodes_for(const struct plan_mapping_rule *mapping_rule, uint64_t *ret_nodes)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t mask = mapping_rule->mem_mask;
    memset(ret_nodes, 0, NODE_WORDS * 8);
    if (plan->masks[mask].weight == 0 && thread_self && thread_self->holds_pick)
        mask = plan->slots[thread_self->pick.slot].mem_mask;
    plan_mask_expand(plan, mask, ret_nodes, NODE_WORDS);
}

static void read_back(const struct mapping *mapping, int asked, const uint64_t *nodes, struct result *result)
{
    uint64_t got[NODE_WORDS] = {0};
    int mode = 0, error = sys_get_memory_at(mapping->start, &mode, got, NODE_WORDS);
    if (error)
        fell_short(result, OUTCOME_BEST_EFFORT, reason_of_error(error));
    else if (!memory_is_as_asked(asked, nodes, mode, got))
        fell_short(result, OUTCOME_BEST_EFFORT, REASON_CHANGED);
}

static void set_policy(const struct plan_mapping_rule *mapping_rule, const struct mapping *mapping,
                       struct result *result)
{
    uint64_t nodes[NODE_WORDS];
    enum reason reason = mapping_rule->mem_reason;
    int mode;
    if (mapping_rule->mem_policy == MEM_DEFAULT)
        return;
    nodes_for(mapping_rule, nodes);
    int error = memory_bind(mapping->start, mapping->size, mapping_rule->mem_policy, nodes, &mode, &reason);
    if (error) {
        fell_short(result, OUTCOME_NONE, reason_of_error(error));
        return;
    }
    if (reason != REASON_OK)
        fell_short(result, OUTCOME_BEST_EFFORT, reason);
    read_back(mapping, mode, nodes, result);
}

/*
 * The mapping exists already and cannot get reserved huge pages any more; a new mapping of reserved pages would have
 * another end. Transparent huge pages come nearest.
 */
static void set_huge_pages(const struct plan_mapping_rule *mapping_rule, const struct mapping *mapping,
                           struct result *result)
{
    int advice = mapping_rule->huge_pages == HUGE_NEVER ? MADV_NOHUGEPAGE : MADV_HUGEPAGE;
    if (mapping_rule->huge_pages == HUGE_DEFAULT || mapping->kind == MAPPING_HUGE)
        return;
    if (raw_madvise(mapping->start, mapping->size, advice) != 0 && mapping_rule->huge_pages != HUGE_NEVER)
        fell_short(result, OUTCOME_NONE, errno == EINVAL ? REASON_NO_HUGE_PAGES : reason_of_error(-errno));
    else if (mapping_rule->huge_pages != HUGE_NEVER && mapping_rule->huge_pages != HUGE_THP)
        fell_short(result, OUTCOME_BEST_EFFORT, REASON_NO_HUGE_PAGES);
}

/* Touches only memory that the program may write itself, and no mapping whose file would change. */
static void prefault(const struct plan_mapping_rule *mapping_rule, const struct mapping *mapping, struct result *result)
{
    if (mapping_rule->prefault == PREFAULT_OFF || !(mapping->protection & PROT_WRITE) || mapping->kind == MAPPING_FILE)
        return;
    int error = raw_populate(mapping->start, mapping->size);
    if (error)
        fell_short(result, OUTCOME_NONE, reason_of_error(error));
}

/* Is it large private memory that threads write, and that no mapping rule gives a memory policy? */
static bool can_follow(const struct mapping *mapping, const struct plan_mapping_rule *mapping_rule)
{
    return shim_needs(PLAN_HAS_NEXT_TOUCH | PLAN_HAS_MIGRATE) && shim.plan.count[PLAN_NODES] > 1 &&
           mapping->kind == MAPPING_ANONYMOUS && mapping->size >= BIG_SIZE && (mapping->protection & PROT_WRITE) &&
           !(mapping_rule && mapping_rule->mem_policy != MEM_DEFAULT);
}

static void look_at(void *start, size_t size, int protection, int flags, const void *caller)
{
    const struct mapping mapping = {start, size, protection, kind_of(flags), caller};
    struct result result = {OUTCOME_STRICT, REASON_OK};
    int saved = errno;
    owned_remove(start, size); /* MAP_FIXED replaces older mappings */
    const struct plan_mapping_rule *mapping_rule =
        shim_needs(PLAN_HAS_MAPPING_RULES) ? find_mapping_rule(&mapping) : NULL;
    if (can_follow(&mapping, mapping_rule))
        owned_add(start, size);
    if (mapping_rule) {
        set_huge_pages(mapping_rule, &mapping, &result);
        set_policy(mapping_rule, &mapping, &result);
        prefault(mapping_rule, &mapping, &result);
        segment_mapping((uint32_t)(mapping_rule - shim.plan.mapping_rules), size, result.outcome, result.reason);
    }
    errno = saved;
}

void mapping_made(void *start, size_t size, int protection, int flags, const void *caller)
{
    if (!shim_enter())
        return;
    look_at(start, size, protection, flags, caller);
    shim_leave();
}
