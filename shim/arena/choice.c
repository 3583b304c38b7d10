#include "shim/arena/choice.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/arena/region.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"

#define NODE_IDS 1024u
#define OFF      UINT8_MAX

static struct flavour flavours[FLAVOURS_MAX] ON_DATA_PAGE;
static uint32_t flavour_count ON_DATA_PAGE;
static uint32_t nodes[REGIONS_MAX] ON_DATA_PAGE; /* ids with memory, ascending */
static uint32_t node_count ON_DATA_PAGE;
static uint8_t node_index[NODE_IDS] ON_DATA_PAGE; /* in nodes[] */

/* The machine does not change with the plan: the first one's table serves to the end, without a look at the plan. */
static const struct plan_cpu *cpus ON_DATA_PAGE;
static uint32_t cpu_count ON_DATA_PAGE;

static _Atomic uint32_t rule_count ON_DATA_PAGE;
/* What a rule says: its flavour, or OFF, and these. */
#define BY_CORE UINT32_C(0x100)
#define FIXED   UINT32_C(0x200) /* the slot's memory nodes say the node, not the CPU */
#define NODE    16              /* from this bit on, in the word of threads without a rule: that node */

/*
 * Per rule of the plan, the last one for threads without a rule. A reload changes them while threads choose: each is a
 * word that is read once, so that a thread acts by the old one or the new one. Relaxed: all that it says stands in it.
 */
static _Atomic uint32_t rules[PLAN_MAX_RULES + 1];

/* --- from the plan --- */

static bool spreads(const struct plan_rule *rule)
{
    return rule->mem_policy == MEM_INTERLEAVE || rule->mem_policy == MEM_WEIGHTED_INTERLEAVE ||
           rule->mem_policy == MEM_PREFERRED_MANY;
}

static bool names_one_node(const struct plan_rule *rule)
{
    const struct plan_view *plan = &shim.plan;
    if (rule->mem_policy != MEM_BIND && rule->mem_policy != MEM_PREFERRED)
        return false;
    for (uint32_t i = 0; i < rule->slot_count; i++)
        if (plan->masks[plan->slots[rule->slot_first + i].mem_mask].weight != 1)
            return false;
    return true;
}

/* Reserved huge pages and prefaulted memory are placed before anyone touches them. */
static bool may_wait_for_touch(const struct plan_rule *rule)
{
    return (rule->mem_policy == MEM_DEFAULT || rule->mem_policy == MEM_LOCAL) && rule->prefault == PREFAULT_OFF &&
           rule->huge_pages != HUGE_2MIB && rule->huge_pages != HUGE_1GIB;
}

static struct flavour flavour_of(const struct plan_rule *rule)
{
    struct flavour flavour = {.binding = BINDING_PREFERRED,
                              .huge_pages = rule->huge_pages,
                              .prefault = rule->prefault,
                              .first_touch = may_wait_for_touch(rule),
                              .prefault_size = rule->prefault_size};
    bool names_nodes = rule->mem_policy == MEM_BIND || rule->mem_policy == MEM_PREFERRED;
    if (rule->arena == ARENA_PROCESS || spreads(rule) || (names_nodes && !names_one_node(rule)))
        flavour.binding = BINDING_NONE;
    else if (rule->mem_policy == MEM_BIND)
        flavour.binding = BINDING_BIND;
    flavour.first_touch = flavour.first_touch && flavour.binding == BINDING_PREFERRED;
    return flavour;
}

static uint8_t flavour_number(const struct flavour *flavour)
{
    for (uint32_t i = 0; i < flavour_count; i++)
        if (flavours[i].binding == flavour->binding && flavours[i].huge_pages == flavour->huge_pages &&
            flavours[i].prefault == flavour->prefault && flavours[i].prefault_size == flavour->prefault_size &&
            flavours[i].first_touch == flavour->first_touch)
            return (uint8_t)i;
    if (flavour_count == FLAVOURS_MAX)
        return 0;
    flavours[flavour_count] = *flavour;
    return (uint8_t)flavour_count++;
}

static uint32_t rule_word(uint32_t number)
{
    return atomic_load_explicit(&rules[number], memory_order_relaxed);
}

static void choose_for_rule(uint32_t number, const struct plan_rule *rule, uint8_t (*number_of)(const struct flavour *))
{
    struct flavour flavour = flavour_of(rule);
    uint32_t word = rule->arena == ARENA_OFF ? OFF : number_of(&flavour);
    word |= rule->arena == ARENA_CORE ? BY_CORE : 0;
    word |= names_one_node(rule) ? FIXED : 0;
    atomic_store_explicit(&rules[number], word, memory_order_relaxed);
}

/* The one node that a memory policy for all names, also for main without a rule. */
static uint32_t node_for_all(void)
{
    const struct plan_view *plan = &shim.plan;
    const struct plan_rule *rule = &plan->rules[plan->header->main_memory];
    return plan_mask_first(plan, plan->slots[rule->slot_first].mem_mask);
}

/* Threads without a rule: as [defaults] say, where there are any; local memory otherwise. */
static void choose_without_rule(uint32_t last, uint8_t (*number_of)(const struct flavour *))
{
    const struct flavour plain = {.binding = BINDING_PREFERRED, .first_touch = true};
    uint32_t defaults = shim.plan.header->default_rule;
    uint32_t word = defaults != PLAN_NONE ? rule_word(defaults) : number_of(&plain);
    if (shim.plan.header->main_memory == PLAN_NONE)
        word &= ~FIXED; /* they have no slot */
    else if (word & FIXED)
        word |= node_for_all() << NODE;
    atomic_store_explicit(&rules[last], word, memory_order_relaxed);
}

static void choose_for_all(uint8_t (*number_of)(const struct flavour *))
{
    const struct plan_view *plan = &shim.plan;
    uint32_t count = plan->count[PLAN_RULES];
    for (uint32_t i = 0; i < count; i++)
        choose_for_rule(i, &plan->rules[i], number_of);
    choose_without_rule(count, number_of);
    atomic_store_explicit(&rule_count, count, memory_order_relaxed);
}

static bool all_rules_are_off(void)
{
    const struct plan_view *plan = &shim.plan;
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].arena != ARENA_OFF)
            return false;
    return plan->count[PLAN_RULES] > 0;
}

static void find_nodes(void)
{
    const struct plan_view *plan = &shim.plan;
    node_count = 0;
    for (uint32_t i = 0; i < plan->count[PLAN_NODES]; i++)
        if (plan->nodes[i].memory && plan->nodes[i].id < NODE_IDS && node_count < REGIONS_MAX / flavour_count) {
            node_index[plan->nodes[i].id] = (uint8_t)node_count;
            nodes[node_count++] = plan->nodes[i].id;
        }
    if (!node_count)
        nodes[node_count++] = 0;
}

/* One for the large objects of each flavour that lets the first touch decide. Returns how many flavours there were. */
static uint32_t add_flavours_for_large(uint8_t *ret_large)
{
    uint32_t count = flavour_count;
    for (uint32_t i = 0; i < count; i++) {
        ret_large[i] = (uint8_t)i;
        if (!flavours[i].first_touch || node_count < 2 || flavour_count == FLAVOURS_MAX ||
            (flavour_count + 1) * node_count > REGIONS_MAX)
            continue;
        ret_large[i] = (uint8_t)flavour_count;
        flavours[flavour_count] = flavours[i];
        flavours[flavour_count++].binding = BINDING_TOUCH;
    }
    return count;
}

int choice_open(void)
{
    const struct plan_view *plan = &shim.plan;
    if (all_rules_are_off())
        return -ENOENT;
    flavour_count = 0;
    choose_for_all(flavour_number);
    find_nodes();
    cpus = plan->cpus;
    cpu_count = plan->count[PLAN_CPUS];
    uint8_t large[FLAVOURS_MAX];
    uint32_t chosen = add_flavours_for_large(large);
    int error = regions_reserve(flavours, flavour_count, nodes, node_count);
    for (uint32_t i = 0; error == 0 && i < chosen; i++)
        regions_pair(i, large[i], node_count);
    return error;
}

/* Regions are made once: a rule that asks for something new gets what is nearest to it. */
static uint8_t nearest_flavour(const struct flavour *flavour)
{
    uint8_t nearest = 0;
    for (uint32_t i = flavour_count; i-- > 0;)
        if (flavours[i].binding == flavour->binding)
            nearest = (uint8_t)i;
    for (uint32_t i = flavour_count; i-- > 0;)
        if (flavours[i].binding == flavour->binding && flavours[i].huge_pages == flavour->huge_pages)
            nearest = (uint8_t)i;
    return nearest;
}

void choice_plan_changed(void)
{
    choose_for_all(nearest_flavour);
}

/* --- for a thread --- */

static uint32_t index_of_node(uint32_t node)
{
    return node < NODE_IDS ? node_index[node] : 0;
}

struct choice choice_now(uint32_t cpu)
{
    const struct thread *thread = thread_self;
    uint32_t rule = thread ? __atomic_load_n(&thread->rule, __ATOMIC_RELAXED) : PLAN_NONE;
    uint32_t count = atomic_load_explicit(&rule_count, memory_order_relaxed);
    uint32_t word = rule_word(rule < count ? rule : count), flavour = word & OFF;
    struct choice choice = {.rule = rule, .by_core = word & BY_CORE};
    uint32_t index = 0;
    if (flavour == OFF)
        return choice;
    if (cpu < cpu_count) {
        choice.core = cpus[cpu].core;
        index = index_of_node(cpus[cpu].mem_node);
    }
    if ((word & FIXED) && rule >= count)
        index = index_of_node(word >> NODE);
    else if ((word & FIXED) && thread && __atomic_load_n(&thread->holds_pick, __ATOMIC_RELAXED))
        index = index_of_node(__atomic_load_n(&thread->memory_node, __ATOMIC_RELAXED));
    if (flavours[flavour].binding == BINDING_NONE)
        index = 0;
    choice.region = &region_list[flavour * node_count + index];
    return choice;
}
