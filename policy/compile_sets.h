/*
 * compile_sets: which CPUs each rule of a policy gets on this machine, before anything is distributed. The
 * first half of plan_compile(): names and words in, cpusets and reasons out.
 */
#ifndef NODEWISE_POLICY_COMPILE_SETS_H
#define NODEWISE_POLICY_COMPILE_SETS_H

#include "policy/compile.h"
#include "policy/cpuset.h"
#include "policy/policy.h"
#include "policy/reason.h"
#include "policy/topology.h"

enum set_state { SET_UNRESOLVED, SET_RESOLVING, SET_RESOLVED, SET_REFUSED };

struct rule_set {
    enum set_state state;
    struct cpuset cpus;      /* never empty once resolved */
    struct cpuset mem_nodes; /* memory.nodes as far as they have memory we may use; empty: not given */
    enum reason reason;      /* OK, FALLBACK_SET, EMPTY_SET, NO_DEVICE */
    enum reason mem_reason;  /* OK, MEM_NODE */
    bool refused;            /* with refuse_at_start: the rule is hard, and this machine lacks what it demands */
};

struct compiled_sets {
    const struct policy *policy;
    const struct topology *topology;
    struct diag_list *diags;
    int gpu;
    bool refuse_at_start;         /* as in struct compile_options */
    struct cpuset limit;          /* [topology] applied to what is allowed, without isolated CPUs */
    struct cpuset limit_isolated; /* the same with isolated CPUs: for rules that name CPUs */
    struct rule_set *rules;       /* rule_count of them, then one for [defaults] */
    size_t main_rule;             /* index of the rule that governs the main thread, or rule_count + 1 */
};

/* 0, -EINVAL with errors in diags, -ENOMEM. Free in every case. */
int compile_sets(struct compiled_sets *ret_sets, const struct policy *policy, const struct topology *topology,
                 const struct compile_options *options, struct diag_list *diags);
void compiled_sets_free(struct compiled_sets *sets);

/*
 * memory.nodes of a rule or nodes of one of its mapping rules: the nodes that have memory we may use. *ret_reason: OK,
 * MEM_NODE or NO_DEVICE. 0, -EINVAL with errors in diags (none is left, and the rule is hard), -ENOMEM.
 */
int memory_nodes(struct compiled_sets *sets, size_t rule, const struct set_list *nodes, struct cpuset *ret_nodes,
                 enum reason *ret_reason);

/* The placement of a rule by the index used above. */
const struct placement *placement_of(const struct policy *policy, size_t rule);
const char *rule_name_of(const struct policy *policy, size_t rule); /* "defaults" for the last */
/* The place of the main thread's first slot. 0, -ENOENT when no rule governs main, -ENOMEM. */
int main_place(const struct compiled_sets *sets, struct cpuset *ret_cpus);

#endif
