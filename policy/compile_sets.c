#include "policy/compile_sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/distribute.h"
#include "policy/setexpr.h"

const struct placement *placement_of(const struct policy *policy, size_t rule)
{
    return rule < policy->rule_count ? &policy->rules[rule].placement : &policy->defaults;
}

const char *rule_name_of(const struct policy *policy, size_t rule)
{
    return rule < policy->rule_count ? policy->rules[rule].name : "defaults";
}

/* The first rule one of whose clauses takes the main thread of a freshly started process. */
static size_t find_main_rule(const struct policy *policy)
{
    for (size_t i = 0; i < policy->rule_count; i++)
        for (size_t m = 0; m < policy->rules[i].match_count; m++) {
            const struct match *match = &policy->rules[i].matches[m];
            if (match->main == TRI_TRUE && match->forked != TRI_TRUE)
                return i;
        }
    return policy->rule_count + 1;
}

static const struct set_list *chosen_list(const struct placement *placement, enum set_unit *ret_unit)
{
    *ret_unit = SET_NODES;
    if (placement->nodes.count)
        return &placement->nodes;
    *ret_unit = SET_CPUS;
    if (placement->cpus.count)
        return &placement->cpus;
    *ret_unit = SET_NEAR;
    return placement->near.count ? &placement->near : NULL;
}

static int resolve_rule(struct compiled_sets *sets, size_t rule);

/* who resolves a set, for rule: words in it */
struct asking {
    struct compiled_sets *sets;
    enum set_unit unit;
};

/* All CPUs of the nodes that the set touches: what "near" a rule means. */
static int widen_to_nodes(const struct topology *topology, struct cpuset *cpus)
{
    struct cpuset wide = CPUSET_EMPTY;
    int error = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_NODE] && error == 0; i++)
        if (cpuset_intersects(&topology->places[LEVEL_NODE][i].cpus, cpus))
            error = cpuset_or(&wide, &topology->places[LEVEL_NODE][i].cpus);
    if (error == 0)
        error = cpuset_copy(cpus, &wide);
    cpuset_free(&wide);
    return error;
}

static int first_slot(const struct compiled_sets *sets, size_t rule, struct cpuset *ret_cpus)
{
    const struct placement *placement = placement_of(sets->policy, rule);
    struct dist_request request = {
        .topology = sets->topology,
        .set = &sets->rules[rule].cpus,
        .distribution = placement->distribution,
        .level = placement->level,
        .bind_to = placement->bind_to,
        .smt = placement->smt,
        .exclusive = placement->exclusive,
    };
    struct dist_slots slots;
    int error = distribute(&slots, &request);
    if (error < 0)
        return error;
    error = cpuset_copy(ret_cpus, &slots.items[0].mask);
    dist_slots_free(&slots);
    return error;
}

/*
 * Answers "rule:NAME". A rule that holds one thread for certain (main's, or an exclusive one) is where its
 * first slot is; of any other only its whole set is known before threads exist.
 */
static int cpus_of_rule(void *context, const char *name, struct cpuset *ret_cpus)
{
    struct asking *asking = context;
    struct compiled_sets *sets = asking->sets;
    size_t rule = 0;
    while (rule < sets->policy->rule_count && strcmp(sets->policy->rules[rule].name, name) != 0)
        rule++;
    if (rule == sets->policy->rule_count)
        return -ENOENT;
    if (sets->rules[rule].state == SET_RESOLVING)
        return -ELOOP;
    int error = resolve_rule(sets, rule);
    if (error < 0)
        return error;
    bool one_thread = rule == sets->main_rule || placement_of(sets->policy, rule)->exclusive;
    error = one_thread ? first_slot(sets, rule, ret_cpus) : cpuset_copy(ret_cpus, &sets->rules[rule].cpus);
    if (error == 0 && asking->unit == SET_NEAR)
        error = widen_to_nodes(sets->topology, ret_cpus);
    return error;
}

/*
 * The rule demands what this machine does not have. Is that an error? Not under soft, and not where it is the process
 * that is not to start.
 */
static bool is_error(struct compiled_sets *sets, size_t rule)
{
    bool hard = placement_of(sets->policy, rule)->enforcement == ENFORCE_HARD;
    sets->rules[rule].refused = sets->rules[rule].refused || hard;
    return hard && !sets->refuse_at_start;
}

/* What to say of a set that is empty here. Under hard it is the end, under soft all CPUs are taken instead. */
static int take_whole_limit(struct compiled_sets *sets, size_t rule, const struct set_list *list,
                            const struct set_result *result)
{
    struct rule_set *set = &sets->rules[rule];
    struct span span = list->items[0].span;
    const char *name = rule_name_of(sets->policy, rule);
    if (is_error(sets, rule)) {
        diag_add(sets->diags, DIAG_E080, span, NULL,
                 "add an alternative (a list of sets is tried in order), or enforcement = \"soft\"",
                 "rule \"%s\" demands CPUs that this machine does not have", name);
        return -EINVAL;
    }
    set->reason = result->absent_device ? REASON_NO_DEVICE : REASON_EMPTY_SET;
    if (!diag_said(sets->diags, DIAG_W020, span))
        diag_add(sets->diags, DIAG_W020, span, NULL, "name what should be taken instead: [\"…\", \"all\"]",
                 "\"%s\" %s: rule \"%s\" gets all CPUs", list->items[0].value,
                 result->absent_device ? "is not on this machine" : "is empty on this machine", name);
    return cpuset_copy(&set->cpus, &sets->limit);
}

static int resolve_cpus(struct compiled_sets *sets, size_t rule)
{
    struct rule_set *set = &sets->rules[rule];
    enum set_unit unit;
    const struct set_list *list = chosen_list(placement_of(sets->policy, rule), &unit);
    if (!list)
        return cpuset_copy(&set->cpus, &sets->limit);

    struct asking asking = {sets, unit};
    struct set_scope scope = {
        .topology = sets->topology,
        .limit = unit == SET_CPUS ? &sets->limit_isolated : &sets->limit,
        .rule_cpus = cpus_of_rule,
        .context = &asking,
        .gpu = sets->gpu,
    };
    struct set_result result = {0};
    int error = setexpr_resolve(list, unit, &scope, &result, sets->diags);
    if (error < 0)
        return error;
    if (cpuset_is_empty(&result.cpus)) {
        error = take_whole_limit(sets, rule, list, &result);
    } else {
        if (result.alternative > 0)
            set->reason = result.absent_device ? REASON_NO_DEVICE : REASON_FALLBACK_SET;
        error = cpuset_copy(&set->cpus, &result.cpus);
    }
    set_result_free(&result);
    return error;
}

int memory_nodes(struct compiled_sets *sets, size_t rule, const struct set_list *nodes, struct cpuset *ret_nodes,
                 enum reason *ret_reason)
{
    struct asking asking = {sets, SET_NODES};
    struct set_scope scope = {
        .topology = sets->topology,
        .limit = &sets->topology->cpus, /* memory may lie where no CPU of ours is */
        .rule_cpus = cpus_of_rule,
        .context = &asking,
        .gpu = sets->gpu,
    };
    struct set_result result = {0};
    int error = setexpr_resolve(nodes, SET_NODES, &scope, &result, sets->diags);
    if (error < 0)
        return error;
    CPUSET_FOREACH(id, &result.nodes) {
        const struct topo_node *node = topology_node(sets->topology, (unsigned)id);
        if (node && node->memory_allowed && error == 0)
            error = cpuset_add(ret_nodes, (unsigned)id);
        else
            *ret_reason = REASON_MEM_NODE;
    }
    if (error == 0 && cpuset_is_empty(ret_nodes)) {
        *ret_reason = result.absent_device ? REASON_NO_DEVICE : REASON_MEM_NODE;
        if (is_error(sets, rule)) {
            diag_add(sets->diags, DIAG_E081, nodes->items[0].span, NULL,
                     "name nodes with memory, or set enforcement = \"soft\"",
                     "rule \"%s\" demands memory of nodes that have none for this process",
                     rule_name_of(sets->policy, rule));
            error = -EINVAL;
        } else if (!diag_said(sets->diags, DIAG_W021, nodes->items[0].span)) {
            diag_add(sets->diags, DIAG_W021, nodes->items[0].span, NULL, NULL,
                     result.absent_device
                         ? "the device of memory.nodes of rule \"%s\" is not here: the home nodes are taken"
                         : "none of memory.nodes of rule \"%s\" has memory for this process: the "
                           "home nodes are taken",
                     rule_name_of(sets->policy, rule));
        }
    }
    set_result_free(&result);
    return error;
}

static bool takes_nodes(enum mem_policy policy)
{
    return policy != MEM_DEFAULT && policy != MEM_LOCAL;
}

/* Only nodes whose memory we may use; a node without gives its place to the nearest one with. */
static int resolve_memory(struct compiled_sets *sets, size_t rule)
{
    const struct memory *memory = &placement_of(sets->policy, rule)->memory;
    struct rule_set *set = &sets->rules[rule];
    if (!memory->nodes.count || !takes_nodes(memory->policy))
        return 0;
    return memory_nodes(sets, rule, &memory->nodes, &set->mem_nodes, &set->mem_reason);
}

static int resolve_rule(struct compiled_sets *sets, size_t rule)
{
    struct rule_set *set = &sets->rules[rule];
    if (set->state == SET_RESOLVED)
        return 0;
    if (set->state == SET_REFUSED)
        return -EINVAL; /* why was said: not again for each rule that names it */
    set->state = SET_RESOLVING;
    int error = resolve_cpus(sets, rule);
    if (error == 0)
        error = resolve_memory(sets, rule);
    if (error == 0)
        set->state = SET_RESOLVED;
    else
        set->state = error == -ENOMEM ? SET_UNRESOLVED : SET_REFUSED;
    return error;
}

/* A [topology] list as CPUs inside what is allowed; *ret_given is false when it is absent or empty here. */
static int topology_cpus(struct compiled_sets *sets, const struct set_list *list, enum set_unit unit,
                         struct cpuset *ret_cpus, bool *ret_given)
{
    struct set_scope scope = {.topology = sets->topology, .limit = &sets->topology->allowed, .gpu = sets->gpu};
    struct set_result result = {0};
    *ret_given = false;
    if (!list->count)
        return 0;
    int error = setexpr_resolve(list, unit, &scope, &result, sets->diags);
    if (error < 0)
        return error;
    *ret_given = !cpuset_is_empty(&result.cpus);
    error = cpuset_copy(ret_cpus, &result.cpus);
    set_result_free(&result);
    return error;
}

/* Narrows the limit to one list of [topology] or [process]; one that would leave nothing is ignored, loudly. */
static int narrow_limit(struct compiled_sets *sets, const struct set_list *list, enum set_unit unit, bool remove,
                        const char *key)
{
    struct cpuset cpus = CPUSET_EMPTY, left = CPUSET_EMPTY;
    bool given;
    int error = topology_cpus(sets, list, unit, &cpus, &given);
    if (error == 0)
        error = cpuset_copy(&left, &sets->limit_isolated);
    if (error == 0 && list->count) {
        if (remove)
            cpuset_andnot(&left, &cpus);
        else
            cpuset_and(&left, &cpus);
        if (cpuset_is_empty(&left))
            diag_add(sets->diags, DIAG_W025, list->items[0].span, NULL, NULL,
                     "%s would leave no CPU on this machine: it is ignored", key);
        else
            error = cpuset_copy(&sets->limit_isolated, &left);
    }
    cpuset_free(&cpus);
    cpuset_free(&left);
    return error;
}

static int make_limits(struct compiled_sets *sets)
{
    const struct policy *policy = sets->policy;
    int error = cpuset_copy(&sets->limit_isolated, &sets->topology->allowed);
    if (error == 0)
        error = narrow_limit(sets, &policy->topology.nodes, SET_NODES, false, "topology.nodes");
    if (error == 0)
        error = narrow_limit(sets, &policy->topology.cpus, SET_CPUS, false, "topology.cpus");
    if (error == 0)
        error = narrow_limit(sets, &policy->topology.reserve_cpus, SET_CPUS, true, "topology.reserve_cpus");
    if (error == 0)
        error = narrow_limit(sets, &policy->process.near, SET_NEAR, false, "process.near");
    if (error == 0)
        error = cpuset_copy(&sets->limit, &sets->limit_isolated);
    if (error < 0)
        return error;
    /* The scheduler does not balance isolated CPUs: threads would pile up on one. Only who names them gets them. */
    if (policy->topology.cpus.count == 0)
        cpuset_andnot(&sets->limit, &sets->topology->isolated);
    return cpuset_is_empty(&sets->limit) ? cpuset_copy(&sets->limit, &sets->limit_isolated) : 0;
}

int main_place(const struct compiled_sets *sets, struct cpuset *ret_cpus)
{
    if (sets->main_rule >= sets->policy->rule_count)
        return -ENOENT;
    return first_slot(sets, sets->main_rule, ret_cpus);
}

int compile_sets(struct compiled_sets *ret_sets, const struct policy *policy, const struct topology *topology,
                 const struct compile_options *options, struct diag_list *diags)
{
    *ret_sets = (struct compiled_sets){.policy = policy,
                                       .topology = topology,
                                       .diags = diags,
                                       .gpu = options->gpu,
                                       .refuse_at_start = options->refuse_at_start,
                                       .main_rule = find_main_rule(policy)};
    ret_sets->rules = calloc(policy->rule_count + 1, sizeof(*ret_sets->rules));
    if (!ret_sets->rules)
        return -ENOMEM;
    int worst = make_limits(ret_sets);
    if (worst < 0)
        return worst;
    for (size_t i = 0; i < policy->rule_count + policy->has_defaults; i++) {
        int error = resolve_rule(ret_sets, i); /* go on after an error: all findings at once */
        if (error == -ENOMEM)
            return error;
        if (error < 0)
            worst = error;
    }
    return worst;
}

void compiled_sets_free(struct compiled_sets *sets)
{
    cpuset_free(&sets->limit);
    cpuset_free(&sets->limit_isolated);
    for (size_t i = 0; sets->rules && i < sets->policy->rule_count + 1; i++) {
        cpuset_free(&sets->rules[i].cpus);
        cpuset_free(&sets->rules[i].mem_nodes);
    }
    free(sets->rules);
    sets->rules = NULL;
}
