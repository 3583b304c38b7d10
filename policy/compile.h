/*
 * compile: struct policy + struct topology -> plan. And the dry run on a plan.
 *
 * Pure: no system calls beyond memory (user names are resolved through a callback), no printing.
 */
#ifndef NODEWISE_POLICY_COMPILE_H
#define NODEWISE_POLICY_COMPILE_H

#include "policy/match.h"
#include "policy/pick.h"
#include "policy/plan.h"
#include "policy/policy.h"
#include "policy/topology.h"

struct compile_options {
    uint64_t policy_id;   /* goes into the header */
    const char *source;   /* "redis.toml", for views */
    int gpu;              /* gpu:auto of this rank, or -1 */
    uint32_t share;       /* the number of the share that the topology is narrowed to; PLAN_NONE: the whole policy */
    bool pretended;       /* PLAN_IS_PRETENDED; the policy has gone through policy_pretend() */
    bool refuse_at_start; /* a hard rule that demands what this machine lacks is no error, but PLAN_RULE_REFUSED */
    /* uid ranges of a [target] user glob: fills at most max ranges, returns the count, or negative errno. */
    int (*find_users)(void *context, const char *glob, struct plan_range *ret_ranges, size_t max);
    void *context;
};

struct plan_bytes {
    void *data; /* malloc'd, 8-byte aligned; free() */
    size_t size;
};

/*
 * Returns 0 with a plan (findings may still hold warnings), or -EINVAL with errors in diags, or -ENOMEM.
 * Errors are: a set that is empty here under enforcement = "hard" (E08x, not with refuse_at_start), circular or
 * unknown rule: words, too many rules. Under "soft" an empty set falls back to all allowed CPUs with a warning and a
 * reason.
 */
int plan_compile(struct plan_bytes *ret_plan, const struct policy *policy, const struct topology *topology,
                 const struct compile_options *options, struct diag_list *diags);

/* What `check` says beyond errors: unreachable patterns and rules, names over 15 bytes, bind without spill, … */
void policy_lint(const struct policy *policy, const struct topology *topology, struct diag_list *diags);

/* One declared thread of a dry run and where it would go. */
struct sim_thread {
    struct thread_facts facts; /* in */
    uint32_t rule;             /* out: or PLAN_NONE (base state) */
    struct pick pick;          /* out: valid unless rule is PLAN_NONE or main got the union */
    bool main_union;           /* out: the main thread keeps the union */
    uint8_t reason;            /* out */
    struct cpuset cpus;        /* out: the mask that would be set; the caller frees */
};

/* Places the threads in order on an empty machine; the final masks take later exclusive claims into account. */
int plan_simulate(const struct plan_view *plan, struct sim_thread *threads, size_t count);

/* What `check` says of threads that were simulated: rules that get more of them than they have room for. */
void plan_lint_threads(const struct plan_view *plan, const struct policy *policy, const struct sim_thread *threads,
                       size_t count, struct diag_list *diags);

/* What `check` says of `threads` and of a number of CPUs that ask for more than there are. 0 or -ENOMEM. */
int plan_lint_counts(const struct plan_view *plan, const struct policy *policy, struct diag_list *diags);

/* A mask of the plan as a cpuset. 0 or -ENOMEM. */
int plan_mask_cpuset(const struct plan_view *plan, uint32_t mask, struct cpuset *ret_set);

#endif
