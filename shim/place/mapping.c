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

/* --- which table --- */

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

static bool caller_fits(const struct plan_mapping_rule *region, const void *caller)
{
    const struct plan_view *plan = &shim.plan;
    if (!region->library.count && !region->function.count)
        return true;
    struct origin origin = origin_of(caller);
    return (!region->library.count || match_path(plan, &region->library, texts_get(origin.library))) &&
           (!region->function.count || match_text(plan, &region->function, texts_get(origin.function)));
}

static bool fits(const struct plan_mapping_rule *region, const struct mapping *mapping)
{
    return (region->kind == MAPPING_COUNT || region->kind == mapping->kind) && mapping->size >= region->min_size &&
           mapping->size <= region->max_size && caller_fits(region, mapping->caller);
}

static uint32_t rule_here(void)
{
    return thread_self && thread_self->rule != PLAN_NONE ? thread_self->rule : shim.plan.header->default_rule;
}

static const struct plan_mapping_rule *find_region(const struct mapping *mapping)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t number = rule_here();
    const struct plan_rule *rule = number == PLAN_NONE ? NULL : &plan->rules[number];
    for (uint32_t i = 0; rule && i < rule->mapping_rules_count; i++)
        if (fits(&plan->mapping_rules[rule->mapping_rules_first + i], mapping))
            return &plan->mapping_rules[rule->mapping_rules_first + i];
    return NULL;
}

/* --- what it gives --- */

struct result {
    enum outcome outcome;
    enum reason reason;
};

/* The first thing that could not be had is what is told. */
static void fell_short(struct result *result, enum outcome outcome, enum reason reason)
{
    if (result->outcome == OUTCOME_STRICT)
        *result = (struct result){outcome, reason};
}

/* The table's nodes, else those of the thread's place. */
static void nodes_for(const struct plan_mapping_rule *region, uint64_t *ret_nodes)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t mask = region->mem_mask;
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

static void set_policy(const struct plan_mapping_rule *region, const struct mapping *mapping, struct result *result)
{
    uint64_t nodes[NODE_WORDS];
    enum reason reason = region->mem_reason;
    int mode;
    if (region->mem_policy == MEM_DEFAULT)
        return;
    nodes_for(region, nodes);
    int error = memory_bind(mapping->start, mapping->size, region->mem_policy, nodes, &mode, &reason);
    if (error) {
        fell_short(result, OUTCOME_NONE, reason_of_error(error));
        return;
    }
    if (reason != REASON_OK)
        fell_short(result, OUTCOME_BEST_EFFORT, reason);
    read_back(mapping, mode, nodes, result);
}

/*
 * Reserved huge pages cannot come afterwards, and a mapping of them would end elsewhere: transparent ones are nearest.
 */
static void set_huge_pages(const struct plan_mapping_rule *region, const struct mapping *mapping, struct result *result)
{
    int advice = region->huge_pages == HUGE_NEVER ? MADV_NOHUGEPAGE : MADV_HUGEPAGE;
    if (region->huge_pages == HUGE_DEFAULT || mapping->kind == MAPPING_HUGE)
        return;
    if (raw_madvise(mapping->start, mapping->size, advice) != 0 && region->huge_pages != HUGE_NEVER)
        fell_short(result, OUTCOME_NONE, errno == EINVAL ? REASON_NO_HUGE_PAGES : reason_of_error(-errno));
    else if (region->huge_pages != HUGE_NEVER && region->huge_pages != HUGE_THP)
        fell_short(result, OUTCOME_BEST_EFFORT, REASON_NO_HUGE_PAGES);
}

/* Only what the program may write itself, and nothing that would change a file. */
static void prefault(const struct plan_mapping_rule *region, const struct mapping *mapping, struct result *result)
{
    if (region->prefault == PREFAULT_OFF || !(mapping->protection & PROT_WRITE) || mapping->kind == MAPPING_FILE)
        return;
    int error = raw_populate(mapping->start, mapping->size);
    if (error)
        fell_short(result, OUTCOME_NONE, reason_of_error(error));
}

/* Private memory that threads write, with no wish of the program's where it is to be. */
static bool can_follow(const struct mapping *mapping, const struct plan_mapping_rule *region)
{
    return shim_needs(PLAN_HAS_NEXT_TOUCH | PLAN_HAS_MIGRATE) && shim.plan.count[PLAN_NODES] > 1 &&
           mapping->kind == MAPPING_ANONYMOUS && mapping->size >= BIG_SIZE && (mapping->protection & PROT_WRITE) &&
           !(region && region->mem_policy != MEM_DEFAULT);
}

static void look_at(void *start, size_t size, int protection, int flags, const void *caller)
{
    const struct mapping mapping = {start, size, protection, kind_of(flags), caller};
    struct result result = {OUTCOME_STRICT, REASON_OK};
    int saved = errno;
    owned_remove(start, size); /* MAP_FIXED */
    const struct plan_mapping_rule *region = shim_needs(PLAN_HAS_MAPPING_RULES) ? find_region(&mapping) : NULL;
    if (can_follow(&mapping, region))
        owned_add(start, size);
    if (region) {
        set_huge_pages(region, &mapping, &result);
        set_policy(region, &mapping, &result);
        prefault(region, &mapping, &result);
        segment_mapping((uint32_t)(region - shim.plan.mapping_rules), size, result.outcome, result.reason);
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
