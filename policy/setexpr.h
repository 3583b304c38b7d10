/*
 * setexpr: the set grammar of the policy file, resolved against a topology.
 *
 *   "0-3,8"  "0-7:2"  "+0-1" (relative to what is allowed: the first two allowed)  "!0" (all allowed but 0)
 *   "all"/"allowed"   "none"   "local" (the nodes of the allowed CPUs)
 *   "node:0-1" "socket:1" "l3:2" "core:0-3" "cpu:4"      places by id
 *   "perf" "eff"                                          kinds of cores
 *   "netdev:eth0" "block:nvme0n1" "pci:0000:3b:00.0" "gpu:0" "gpu:3b:00.0" "gpu:GPU-UUID" "gpu:auto"
 *   "file:/path" "ip:10.0.0.1"
 *   "rule:NAME"                                           where that rule's threads go
 *   "l3-of(X)" "node-of(X)" "socket-of(X)" "core-of(X)"   the places that X touches
 *   "socket:0 & perf"  "node-of(gpu:0) & !core:0"  "(0-3,8) & …"      what is in both, what is in the first alone
 * and unions of these with ','. '&' binds closer than ','.
 *
 * A bare number means a node under `nodes`, a CPU under `cpus`; `near` takes device and place words and
 * nodes. Every result is intersected with scope->limit.
 */
#ifndef NODEWISE_POLICY_SETEXPR_H
#define NODEWISE_POLICY_SETEXPR_H

#include "policy/cpuset.h"
#include "policy/policy.h"
#include "policy/topology.h"

enum set_unit { SET_CPUS, SET_NODES, SET_NEAR };

struct set_scope {
    const struct topology *topology;
    const struct cpuset *limit; /* CPUs that the result is cut to */
    /* Answers "rule:NAME" with that rule's CPUs: 0, -ENOENT (no such rule), -ELOOP (asked while resolving it). */
    int (*rule_cpus)(void *context, const char *name, struct cpuset *ret_cpus);
    void *context;
    int gpu; /* for gpu:auto: the rank's GPU, or -1 when unknown (then all GPUs) */
};

/* How a set came to be what it is; travels into the plan. */
struct set_result {
    struct cpuset cpus;  /* inside scope->limit */
    struct cpuset nodes; /* for memory: node ids, also CPU-less ones when named explicitly */
    size_t alternative;  /* index of the item that was taken; list->count when all were empty */
    bool absent_device;  /* an earlier alternative named a device that this machine lacks */
};

/*
 * Resolves the first alternative that is not empty. Syntax errors in any alternative are added to diags
 * (E05x); a device, node or CPU that this machine lacks is only a reason to take the next alternative.
 * All empty: result->cpus is empty and alternative == count; the caller decides. Returns 0, -EINVAL with a
 * finding, or -ENOMEM. The caller frees both sets of ret_result.
 */
int setexpr_resolve(const struct set_list *list, enum set_unit unit, const struct set_scope *scope,
                    struct set_result *ret_result, struct diag_list *diags);
void set_result_free(struct set_result *result);

/* Only the syntax, for config/: 0 or -EINVAL with findings. */
int setexpr_check(const struct text *item, enum set_unit unit, struct diag_list *diags);

#endif
