/*
 * rule_threads: how many threads a program should make for a rule: what `threads` of the rule, of a pool or of an exchange
 * makes of the CPUs that a plan grants it.
 *
 * Pure; allocates. Any thread.
 */
#ifndef NODEWISE_POLICY_RULE_THREADS_H
#define NODEWISE_POLICY_RULE_THREADS_H

#include "policy/cpuset.h"
#include "policy/plan.h"
#include "policy/policy.h"

/* The CPUs of all places that threads of the rule can get. 0 or -ENOMEM; the caller frees. */
int rule_cpus(struct cpuset *ret_cpus, const struct plan_view *plan, uint32_t rule);

/*
 * plan: the policy's, with its rules in their order. base: CPUs that the process may run on. quota: CPUs that the
 * cgroup's quota amounts to (cgroup_cpus()); 0: no quota. The number is at least 1. 0 or -ENOMEM.
 */
int rule_threads(uint32_t *ret_number, const struct plan_view *plan, const struct policy *policy, uint32_t rule,
                 const struct cpuset *base, uint32_t quota);

#endif
