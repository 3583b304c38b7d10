#include "policy/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile_pools.h"
#include "policy/compile_sets.h"
#include "policy/distribute.h"
#include "policy/groups.h"
#include "policy/ledger.h"
#include "policy/main_memory.h"
#include "policy/plan_build.h"
#include "policy/shares.h"

struct compiling {
    const struct policy *policy;
    const struct topology *topology;
    const struct compile_options *options;
    struct diag_list *diags;
    struct compiled_sets sets;
    struct cpuset main_at; /* the main thread's first slot; empty when no rule governs main */
    struct plan_builder builder;
};

/* --- conditions --- */

static void add_condition(struct compiling *c, struct plan_condition condition)
{
    static const uint32_t feature[PLAN_KEY_COUNT] = {
        [PLAN_KEY_THREAD] = PLAN_NEEDS_NAMES,
        [PLAN_KEY_UNNAMED] = PLAN_NEEDS_NAMES,
        [PLAN_KEY_START_LIBRARY] = PLAN_NEEDS_LIBRARIES,
        [PLAN_KEY_CREATOR_LIBRARY] = PLAN_NEEDS_LIBRARIES,
        [PLAN_KEY_START_FUNCTION] = PLAN_NEEDS_FUNCTIONS,
        [PLAN_KEY_CREATOR_FUNCTION] = PLAN_NEEDS_FUNCTIONS,
        [PLAN_KEY_STACK_LIBRARY] = PLAN_NEEDS_CALLSTACK,
        [PLAN_KEY_STACK_FUNCTION] = PLAN_NEEDS_CALLSTACK,
        [PLAN_KEY_PARENT_COMM] = PLAN_NEEDS_PARENT,
        [PLAN_KEY_PROCESS_ARGV] = PLAN_NEEDS_FORK,
        [PLAN_KEY_PROCESS_INDEX] = PLAN_NEEDS_FORK | PLAN_NEEDS_NUMBER,
        [PLAN_KEY_FORKED] = PLAN_NEEDS_FORK,
    };
    c->builder.header.features |= feature[condition.key];
    build_add(&c->builder, PLAN_CONDITIONS, &condition);
}

static struct plan_condition text_condition(struct compiling *c, enum plan_key key, const struct text_list *list)
{
    struct plan_condition condition = {
        .key = key, .first = build_next(&c->builder, PLAN_PATTERNS), .count = (uint32_t)list->count};
    for (size_t i = 0; i < list->count; i++) {
        uint32_t text = build_text(&c->builder, list->items[i].value);
        build_add(&c->builder, PLAN_PATTERNS, &text);
    }
    return condition;
}

static void add_texts(struct compiling *c, enum plan_key key, const struct text_list *list)
{
    if (list->count)
        add_condition(c, text_condition(c, key, list));
}

static void add_truth(struct compiling *c, enum plan_key key, enum tri wanted)
{
    if (wanted != TRI_ANY)
        add_condition(c, (struct plan_condition){.key = key, .value = wanted == TRI_TRUE});
}

static void add_ranges(struct compiling *c, enum plan_key key, const struct index_range *ranges, size_t count)
{
    struct plan_condition condition = {
        .key = key, .first = build_next(&c->builder, PLAN_RANGES), .count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        struct plan_range range = {ranges[i].first, ranges[i].last};
        build_add(&c->builder, PLAN_RANGES, &range);
    }
    if (count)
        add_condition(c, condition);
}

/* Cheap conditions first: the walk of a clause ends at the first that fails. */
static void add_clause(struct compiling *c, const struct match *match)
{
    struct plan_clause clause = {.condition_first = build_next(&c->builder, PLAN_CONDITIONS)};
    add_truth(c, PLAN_KEY_MAIN, match->main);
    add_truth(c, PLAN_KEY_FORKED, match->forked);
    add_truth(c, PLAN_KEY_UNNAMED, match->unnamed);
    add_ranges(c, PLAN_KEY_INDEX, match->index, match->index_count);
    add_ranges(c, PLAN_KEY_PROCESS_INDEX, match->process_index, match->process_index_count);
    add_texts(c, PLAN_KEY_THREAD, &match->thread);
    add_texts(c, PLAN_KEY_PROCESS_COMM, &match->process_comm);
    add_texts(c, PLAN_KEY_PARENT_COMM, &match->parent_comm);
    add_texts(c, PLAN_KEY_PROCESS_EXE, &match->process_exe);
    add_texts(c, PLAN_KEY_PROCESS_ARGV, &match->process_argv);
    add_texts(c, PLAN_KEY_START_LIBRARY, &match->start_library);
    add_texts(c, PLAN_KEY_START_FUNCTION, &match->start_function);
    add_texts(c, PLAN_KEY_CREATOR_LIBRARY, &match->creator_library);
    add_texts(c, PLAN_KEY_CREATOR_FUNCTION, &match->creator_function);
    add_texts(c, PLAN_KEY_STACK_LIBRARY, &match->stack_library);
    add_texts(c, PLAN_KEY_STACK_FUNCTION, &match->stack_function);
    clause.condition_count = build_next(&c->builder, PLAN_CONDITIONS) - clause.condition_first;
    build_add(&c->builder, PLAN_CLAUSES, &clause);
}

/* --- [target] --- */

static void add_target(struct compiling *c, enum plan_key key, const struct text_list *list)
{
    struct plan_target target;
    if (!list->count)
        return;
    target.condition = text_condition(c, key, list);
    build_add(&c->builder, PLAN_TARGETS, &target);
}

/* The shim must not ask the password database, so names become numbers here. */
static int add_users(struct compiling *c)
{
    const struct text_list *users = &c->policy->target.user;
    struct plan_target target = {.condition = {.key = PLAN_KEY_USER, .first = build_next(&c->builder, PLAN_RANGES)}};
    if (!users->count)
        return 0;
    for (size_t i = 0; i < users->count; i++) {
        struct plan_range found[64];
        int n =
            c->options->find_users ? c->options->find_users(c->options->context, users->items[i].value, found, 64) : 0;
        if (n < 0)
            return n;
        if (n == 0)
            diag_add(c->diags, DIAG_E084, users->items[i].span, NULL, NULL, "no user of this machine matches \"%s\"",
                     users->items[i].value);
        for (int k = 0; k < n; k++)
            build_add(&c->builder, PLAN_RANGES, &found[k]);
        target.condition.count += (uint32_t)n;
    }
    build_add(&c->builder, PLAN_TARGETS, &target);
    return target.condition.count ? 0 : -EINVAL;
}

/* --- slots --- */

/* The node that all CPUs of the set belong to, or PLAN_NONE. */
static uint32_t home_of(const struct topology *topology, const struct cpuset *cpus)
{
    uint32_t home = PLAN_NONE;
    CPUSET_FOREACH(id, cpus) {
        const struct topo_cpu *cpu = topology_cpu(topology, (unsigned)id);
        if (!cpu)
            continue;
        if (home != PLAN_NONE && home != cpu->node)
            return PLAN_NONE;
        home = cpu->node;
    }
    return home;
}

/* The nearest nodes with memory of the set's CPUs; *ret_moved: some CPU's own node is not among them. */
static int memory_homes(const struct topology *topology, const struct cpuset *cpus, struct cpuset *ret_nodes,
                        bool *ret_moved)
{
    CPUSET_FOREACH(id, cpus) {
        const struct topo_cpu *cpu = topology_cpu(topology, (unsigned)id);
        int error = cpu ? cpuset_add(ret_nodes, cpu->mem_node) : 0;
        if (error < 0)
            return error;
        *ret_moved = *ret_moved || (cpu && cpu->mem_node != cpu->node);
    }
    return 0;
}

/* The nodes that the slot's memory policy names: the rule's, else by the policy's nature. */
static int slot_memory(struct compiling *c, size_t rule, const struct cpuset *mask, struct plan_rule *record,
                       uint32_t *ret_mask)
{
    const struct memory *memory = &placement_of(c->policy, rule)->memory;
    const struct rule_set *set = &c->sets.rules[rule];
    struct cpuset nodes = CPUSET_EMPTY;
    bool moved = false;
    int error = 0;
    *ret_mask = 0;
    if (memory->policy == MEM_DEFAULT || memory->policy == MEM_LOCAL)
        return 0;
    if (!cpuset_is_empty(&set->mem_nodes)) {
        *ret_mask = build_mask(&c->builder, &set->mem_nodes);
        return 0;
    }
    bool spreads = memory->policy == MEM_INTERLEAVE || memory->policy == MEM_WEIGHTED_INTERLEAVE;
    error = memory_homes(c->topology, spreads ? &set->cpus : mask, &nodes, &moved);
    if (error == 0)
        *ret_mask = build_mask(&c->builder, &nodes);
    if (moved && record->mem_reason == REASON_OK)
        record->mem_reason = REASON_MEM_NODE;
    cpuset_free(&nodes);
    return error;
}

/* The cores of some CPUs, whole: also the hardware threads that are not among these. */
static int cores_of(struct compiling *c, const struct cpuset *cpus, struct cpuset *ret_cores, uint32_t *ret_count)
{
    int error = 0;
    *ret_count = 0;
    CPUSET_FOREACH(id, cpus) {
        const struct place *core = topology_place_of(c->topology, LEVEL_CORE, (unsigned)id);
        bool is_new = !core || !cpuset_intersects(&core->cpus, ret_cores);
        if (error == 0 && is_new) {
            error = core ? cpuset_or(ret_cores, &core->cpus) : cpuset_add(ret_cores, (unsigned)id);
            ++*ret_count;
        }
    }
    return error;
}

static int slot_around(struct compiling *c, const struct cpuset *mask, struct plan_slot *slot)
{
    const struct place *node = topology_place_of(c->topology, LEVEL_NODE, (unsigned)cpuset_first(mask));
    struct cpuset cpus = CPUSET_EMPTY, cores = CPUSET_EMPTY;
    int error = node ? cpuset_copy(&cpus, &node->cpus) : 0;
    cpuset_and(&cpus, &c->topology->allowed);
    if (error == 0)
        error = cores_of(c, &cpus, &cores, &slot->around_cores);
    if (error == 0)
        slot->around = build_mask(&c->builder, &cpus);
    cpuset_free(&cpus);
    cpuset_free(&cores);
    return error;
}

static int slot_cores(struct compiling *c, const struct cpuset *mask, struct plan_slot *slot)
{
    struct cpuset cores = CPUSET_EMPTY;
    int error = cores_of(c, mask, &cores, &slot->core_count);
    if (error == 0)
        slot->core_mask = build_mask(&c->builder, &cores);
    if (error == 0 && slot->core_count == 1)
        error = slot_around(c, mask, slot);
    cpuset_free(&cores);
    return error;
}

static int add_slots(struct compiling *c, size_t rule, struct plan_rule *record)
{
    const struct placement *placement = placement_of(c->policy, rule);
    struct dist_request request = {
        .topology = c->topology,
        .set = &c->sets.rules[rule].cpus,
        .distribution = placement->distribution,
        .level = placement->level,
        .bind_to = placement->bind_to,
        .smt = placement->smt,
        .leaves = placement->rebalance.steal != STEAL_OFF,
        .exclusive = placement->exclusive,
        .main_at = rule == c->sets.main_rule || cpuset_is_empty(&c->main_at) ? NULL : &c->main_at,
    };
    struct dist_slots slots;
    int error = distribute(&slots, &request);
    if (error < 0)
        return error;
    record->slot_first = build_next(&c->builder, PLAN_SLOTS);
    record->slot_count = (uint32_t)slots.count;
    for (size_t i = 0; i < slots.count && error == 0; i++) {
        struct plan_slot slot = {
            .mask = build_mask(&c->builder, &slots.items[i].mask),
            .claim_mask = build_mask(&c->builder, &slots.items[i].claim),
            .home_node = home_of(c->topology, &slots.items[i].mask),
            .capacity = slots.items[i].capacity,
            .cores = slots.items[i].cores,
            .place = slots.items[i].place,
        };
        error = slot_memory(c, rule, &slots.items[i].mask, record, &slot.mem_mask);
        if (error == 0)
            error = slot_cores(c, &slots.items[i].mask, &slot);
        build_add(&c->builder, PLAN_SLOTS, &slot);
    }
    dist_slots_free(&slots);
    return error;
}

/* --- rules --- */

static uint32_t asked_text(struct compiling *c, const struct placement *placement)
{
    const struct set_list *list = placement->nodes.count  ? &placement->nodes
                                  : placement->cpus.count ? &placement->cpus
                                                          : &placement->near;
    const char *key = placement->nodes.count ? "nodes" : placement->cpus.count ? "cpus" : "near";
    char *text = NULL;
    size_t size = 0;
    if (!list->count)
        return build_text(&c->builder, "all");
    FILE *to = open_memstream(&text, &size);
    if (!to) {
        c->builder.error = -ENOMEM;
        return 0;
    }
    fputs(key, to);
    for (size_t i = 0; i < list->count; i++)
        fprintf(to, "%s%s", i ? ", else " : " ", list->items[i].value);
    if (fclose(to) != 0)
        c->builder.error = -ENOMEM;
    uint32_t at = build_text(&c->builder, text);
    free(text);
    return at;
}

static uint32_t origin_text(struct compiling *c, struct span span)
{
    char text[512];
    if (!span.source)
        return 0;
    snprintf(text, sizeof(text), span.line ? "%s:%u" : "%s", span.source, span.line);
    return build_text(&c->builder, text);
}

static uint16_t permille(double share)
{
    return (uint16_t)(share <= 0 ? 0 : share >= 1 ? 1000 : share * 1000 + 0.5);
}

static uint32_t milliseconds(uint64_t microseconds)
{
    uint64_t ms = (microseconds + 999) / 1000;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* --- mapping rules --- */

static uint8_t kind_of_mapping_rule(const struct mapping_rule *rule)
{
    unsigned kind = 0;
    while (rule->kind && kind < MAPPING_COUNT && strcmp(words_mapping_kind.words[kind].text, rule->kind) != 0)
        kind++;
    return rule->kind ? (uint8_t)kind : MAPPING_COUNT;
}

/* Interleaving without nodes goes over all that have memory, as for threads. */
static int nodes_of_mapping_rule(struct compiling *c, size_t rule, const struct mapping_rule *source,
                                 struct plan_mapping_rule *record)
{
    bool spreads = source->policy == MEM_INTERLEAVE || source->policy == MEM_WEIGHTED_INTERLEAVE;
    struct cpuset nodes = CPUSET_EMPTY;
    enum reason reason = REASON_OK;
    int error = 0;
    if (source->nodes.count && source->policy != MEM_DEFAULT && source->policy != MEM_LOCAL)
        error = memory_nodes(&c->sets, rule, &source->nodes, &nodes, &reason);
    bool all = spreads && cpuset_is_empty(&nodes);
    for (size_t i = 0; error == 0 && all && i < c->topology->node_count; i++)
        if (c->topology->nodes[i].memory_allowed)
            error = cpuset_add(&nodes, c->topology->nodes[i].id);
    record->mem_mask = build_mask(&c->builder, &nodes);
    record->mem_reason = (uint8_t)reason;
    cpuset_free(&nodes);
    return error;
}

static int add_mapping_rules(struct compiling *c, size_t rule, struct plan_rule *rule_record)
{
    const struct memory *memory = &placement_of(c->policy, rule)->memory;
    int error = 0;
    rule_record->mapping_rules_first = build_next(&c->builder, PLAN_MAPPING_RULES);
    rule_record->mapping_rules_count = (uint32_t)memory->mapping_rule_count;
    for (size_t i = 0; i < memory->mapping_rule_count && error == 0; i++) {
        const struct mapping_rule *source = &memory->mapping_rules[i];
        struct plan_mapping_rule record = {
            .min_size = source->min_size,
            .max_size = source->max_size ? source->max_size : UINT64_MAX,
            .name = build_text(&c->builder, source->name),
            .library = text_condition(c, PLAN_KEY_CREATOR_LIBRARY, &source->library),
            .function = text_condition(c, PLAN_KEY_CREATOR_FUNCTION, &source->function),
            .kind = kind_of_mapping_rule(source),
            .mem_policy = (uint8_t)source->policy,
            .huge_pages = (uint8_t)source->huge_pages,
            .prefault = (uint8_t)source->prefault,
        };
        error = nodes_of_mapping_rule(c, rule, source, &record);
        build_add(&c->builder, PLAN_MAPPING_RULES, &record);
        c->builder.header.features |= PLAN_HAS_MAPPING_RULES | (source->library.count ? PLAN_NEEDS_LIBRARIES : 0u) |
                                      (source->function.count ? PLAN_NEEDS_FUNCTIONS : 0u);
    }
    return error;
}

static void fill_placement(struct compiling *c, size_t rule, struct plan_rule *record)
{
    const struct placement *placement = placement_of(c->policy, rule);
    const struct memory *memory = &placement->memory;
    const struct rule_set *set = &c->sets.rules[rule];
    record->distribution = (uint8_t)placement->distribution;
    record->level = (uint8_t)placement->level;
    record->bind_to = (uint8_t)placement->bind_to;
    record->smt = (uint8_t)placement->smt;
    record->enforcement = (uint8_t)placement->enforcement;
    record->on_app_affinity = (uint8_t)placement->on_app_affinity;
    record->mem_policy = (uint8_t)memory->policy;
    record->arena = (uint8_t)memory->arena;
    record->huge_pages = (uint8_t)memory->huge_pages;
    record->prefault = (uint8_t)memory->prefault;
    record->stack = (uint8_t)memory->stack;
    record->steal = (uint8_t)placement->rebalance.steal;
    record->set_reason = (uint8_t)set->reason;
    record->mem_reason = (uint8_t)set->mem_reason;
    record->imbalance_permille = permille(placement->rebalance.imbalance);
    record->interval_ms = milliseconds(placement->rebalance.interval_us);
    record->min_residency_ms = milliseconds(placement->rebalance.min_residency_us);
    record->prefault_size = memory->prefault_size;
    record->node_ids = (uint8_t)memory->node_ids;
    record->move_bytes = memory->move_bytes ? memory->move_bytes : 1; /* a batch a second, the least there is */
    record->move_ms = memory->move_time_us ? milliseconds(memory->move_time_us) : 1;
    record->set_mask = build_mask(&c->builder, &set->cpus);
    record->rename = build_text(&c->builder, placement->rename);
    record->asked = asked_text(c, placement);
    record->flags |=
        (placement->exclusive ? PLAN_RULE_EXCLUSIVE : 0u) | (memory->migrate_on_move ? PLAN_RULE_MIGRATE : 0u) |
        (memory->next_touch ? PLAN_RULE_NEXT_TOUCH : 0u) | (memory->numa_balancing ? PLAN_RULE_BALANCING : 0u) |
        (placement->observe == OBSERVE_OFF ? PLAN_RULE_UNOBSERVED : 0u);
    c->builder.header.features |=
        (placement->exclusive ? PLAN_HAS_EXCLUSIVE : 0u) | (memory->policy != MEM_DEFAULT ? PLAN_HAS_MEMPOLICY : 0u) |
        (placement->enforcement == ENFORCE_HARD ? PLAN_HAS_HARD : 0u) | (placement->rename ? PLAN_HAS_RENAME : 0u) |
        (memory->stack != STACK_DEFAULT ? PLAN_HAS_STACKS : 0u) | (memory->next_touch ? PLAN_HAS_NEXT_TOUCH : 0u) |
        (memory->migrate_on_move ? PLAN_HAS_MIGRATE : 0u) |
        (placement->rebalance.steal != STEAL_OFF ? PLAN_HAS_STEAL : 0u) |
        (placement->distribution == DIST_SHARING ? PLAN_HAS_SHARING : 0u);
}

static int add_rule(struct compiling *c, size_t rule)
{
    struct plan_rule record = {.name = build_text(&c->builder, rule_name_of(c->policy, rule))};
    record.clause_first = build_next(&c->builder, PLAN_CLAUSES);
    if (rule < c->policy->rule_count) {
        const struct rule *source = &c->policy->rules[rule];
        record.origin = origin_text(c, source->span);
        for (size_t i = 0; i < source->match_count; i++) {
            add_clause(c, &source->matches[i]);
            record.flags |= source->matches[i].main == TRI_TRUE ? PLAN_RULE_MAIN : 0u;
        }
        record.clause_count = (uint32_t)source->match_count;
    } else {
        record.flags |= PLAN_RULE_CATCH_ALL;
        c->builder.header.default_rule = build_next(&c->builder, PLAN_RULES);
    }
    fill_placement(c, rule, &record);
    int error = add_slots(c, rule, &record);
    if (error == 0)
        error = add_mapping_rules(c, rule, &record);
    record.flags |= c->sets.rules[rule].refused ? PLAN_RULE_REFUSED : 0u;
    build_add(&c->builder, PLAN_RULES, &record);
    return error;
}

/* The union of all rules; without a catch-all also what unmatched threads keep. */
static int fill_main_mask(struct compiling *c)
{
    struct cpuset cpus = CPUSET_EMPTY;
    size_t count = c->policy->rule_count + c->policy->has_defaults;
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++)
        error = cpuset_or(&cpus, &c->sets.rules[i].cpus);
    if (error == 0 && !c->policy->has_defaults)
        error = cpuset_or(&cpus, &c->topology->allowed);
    c->builder.header.main_mask = build_mask(&c->builder, &cpus);
    cpuset_free(&cpus);
    return error;
}

static void fill_main_memory(struct plan_builder *builder)
{
    const struct build_section *sections = builder->sections;
    if (builder->error)
        return;
    struct main_memory memory = main_memory_of(sections[PLAN_RULES].data, sections[PLAN_RULES].count,
                                               builder->header.default_rule, sections[PLAN_SLOTS].data);
    if (memory.answer == MAIN_MEMORY_SHARED)
        builder->header.main_memory = memory.rule;
}

/* --- machine and header --- */

static void add_machine(struct compiling *c)
{
    const struct topology *topology = c->topology;
    const struct plan_cpu absent = {PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE, 0, 0};
    uint32_t cpu_ids = (uint32_t)cpuset_last(&topology->cpus) + 1;
    for (uint32_t id = 0; id < cpu_ids; id++)
        build_add(&c->builder, PLAN_CPUS, &absent);
    struct plan_cpu *cpus = c->builder.sections[PLAN_CPUS].data;
    for (size_t i = 0; i < topology->cpu_count && !c->builder.error; i++) {
        const struct topo_cpu *cpu = &topology->cpu[i];
        if (cpu->id < cpu_ids)
            cpus[cpu->id] = (struct plan_cpu){cpu->node, cpu->mem_node, cpu->l3, cpu->core, cpu->package, 0, 0};
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *node = &topology->nodes[i];
        struct plan_node record = {node->id, build_mask(&c->builder, &node->cpus), node->memory};
        build_add(&c->builder, PLAN_NODES, &record);
    }
    for (size_t i = 0; i < topology->node_count * topology->node_count; i++)
        build_add(&c->builder, PLAN_DISTANCES, &topology->distances[i]);
}

static void fill_header(struct compiling *c)
{
    const struct policy *policy = c->policy;
    struct plan_header *header = &c->builder.header;
    header->policy_id = c->options->policy_id;
    header->default_rule = header->main_memory = PLAN_NONE;
    header->allowed_mask = build_mask(&c->builder, &c->topology->allowed);
    header->source = build_text(&c->builder, c->options->source);
    header->children = policy->target.children;
    header->at_exit = policy->report.at_exit;
    header->report_file = build_text(&c->builder, policy->report.file);
    header->report_formats = policy->report.formats;
    header->report_pages = policy->report.pages;
    header->cpu_report = policy->cpu_count.report;
    header->cpu_number = policy->cpu_count.number.number;
    header->cpu_apis = policy->cpu_count.apis;
    header->process_distribution = policy->process.distribution;
    header->process_share = c->options->share;
    header->match_delay_us =
        policy->process.match_delay_us > UINT32_MAX ? UINT32_MAX : (uint32_t)policy->process.match_delay_us;
    header->memory_return_ms = milliseconds(policy->process.memory_return_us);
    header->metrics_flags = (policy->metrics.enabled ? 1u : 0u) | (policy->metrics.per_thread ? 2u : 0u);
    for (size_t i = 0; i < policy->metrics.label_count; i++) {
        uint32_t name = build_text(&c->builder, policy->metrics.labels[i].name);
        uint32_t value = build_text(&c->builder, policy->metrics.labels[i].value);
        build_add(&c->builder, PLAN_LABELS, &name);
        build_add(&c->builder, PLAN_LABELS, &value);
    }
}

/* How many shares there are, and how large: what the ledger deals out. A share's own plan is one of them. */
static int add_shares(struct compiling *c)
{
    struct plan_header *header = &c->builder.header;
    struct shares shares;
    enum process_distribution distribution = c->policy->process.distribution;
    if (distribution == PROC_DIST_NONE || distribution == PROC_DIST_RANKS || c->options->share != PLAN_NONE)
        return 0;
    int error =
        shares_list(&shares, c->topology, &c->sets.limit, c->policy->process.distribution, c->policy->process.level);
    if (error < 0)
        return error;
    header->share_sizes = build_next(&c->builder, PLAN_RANGES);
    for (size_t i = 0; i < shares.count && i < LEDGER_SHARES; i++) {
        struct plan_range size = {cpuset_weight(&shares.sets[i]), build_mask(&c->builder, &shares.sets[i])};
        build_add(&c->builder, PLAN_RANGES, &size);
        header->process_shares++;
    }
    shares_free(&shares);
    return 0;
}

static int compile_into(struct compiling *c)
{
    const struct policy *policy = c->policy;
    size_t count = policy->rule_count + policy->has_defaults;
    if (count > PLAN_MAX_RULES) {
        diag_add(c->diags, DIAG_E082, policy->rules[PLAN_MAX_RULES - 1].span, NULL, NULL,
                 "%zu rules are more than a plan holds", policy->rule_count);
        return -EINVAL;
    }
    int error = compile_sets(&c->sets, policy, c->topology, c->options, c->diags);
    if (error < 0)
        return error;
    error = main_place(&c->sets, &c->main_at);
    if (error < 0 && error != -ENOENT)
        return error;
    fill_header(c);
    c->builder.header.features |= c->options->pretended ? PLAN_IS_PRETENDED : 0u;
    add_machine(c);
    add_target(c, PLAN_KEY_PROCESS_EXE, &policy->target.exe);
    add_target(c, PLAN_KEY_PROCESS_COMM, &policy->target.comm);
    add_target(c, PLAN_KEY_PROCESS_ARGV, &policy->target.argv);
    error = add_users(c);
    if (error == 0)
        error = add_shares(c);
    for (size_t i = 0; i < count && error == 0; i++)
        error = add_rule(c, i);
    compile_pools(&c->builder, policy);
    compile_exchanges(&c->builder, policy);
    if (error == 0)
        error = fill_main_mask(c);
    if (error == 0)
        fill_main_memory(&c->builder);
    if (error == 0)
        error = group_cpus(&c->builder);
    if (c->sets.main_rule < policy->rule_count)
        c->builder.header.features |= PLAN_HAS_MAIN_RULE;
    return error;
}

int plan_compile(struct plan_bytes *ret_plan, const struct policy *policy, const struct topology *topology,
                 const struct compile_options *options, struct diag_list *diags)
{
    struct compiling c = {.policy = policy, .topology = topology, .options = options, .diags = diags};
    build_init(&c.builder);
    int error = compile_into(&c);
    if (error == 0)
        error = build_finish(&c.builder, ret_plan);
    if (error == -E2BIG) {
        diag_add(diags, DIAG_E083, (struct span){.source = options->source}, NULL, NULL,
                 "the plan would be larger than %u MiB", PLAN_MAX_SIZE >> 20);
        error = -EINVAL;
    }
    build_free(&c.builder);
    cpuset_free(&c.main_at);
    compiled_sets_free(&c.sets);
    return error;
}
