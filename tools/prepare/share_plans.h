/*
 * share_plans: the plans of a deployment's shares ([process] distribution), which lie beside the policy's plan on
 * tmpfs: PLAN.0, PLAN.1, …, and PLAN.1.0of2 where a share is divided among the ranks of a launcher.
 */
#ifndef NODEWISE_TOOLS_PREPARE_SHARE_PLANS_H
#define NODEWISE_TOOLS_PREPARE_SHARE_PLANS_H

#include "policy/shares.h"
#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/*
 * The policy with no other CPUs allowed than these, for the rank with that GPU (-1: none); cpus NULL: with all. 0, or as
 * plan_compile().
 */
int share_plan_compile(struct plan_bytes *ret_plan, const struct prepared *prepared, const struct cpuset *cpus,
                       uint32_t share, int gpu);
/* What is dealt out to ranks under that distribution: the places of a level, or all CPUs of the plan at once. */
int shares_for(struct shares *ret_shares, const struct plan_view *plan, enum process_distribution distribution);

/* Writes the plan of each share beside `path`, for what prepare_plan() prepared. 0 or negative errno. */
int share_plans_write(const char *path, struct prepared *prepared, unsigned mode);

/*
 * The plan of a rank's own share, made if it is not there; malloc'd. NULL: the process has the policy's plan (no
 * distribution is asked for, the rank is not known, or something failed, which was said).
 */
char *share_plan_of_rank(const char *path, struct prepared *prepared, const struct policy_options *options,
                         struct rank rank, unsigned mode);

/*
 * What a process has whose plan lies at `path`: PLAN.1.0of2 is share 1, part 0 of 2. parts is 0 where that is a policy's
 * own plan. *ret_length: of the path of the policy's own plan, which `path` begins with.
 */
struct rank_portion share_plan_portion(const char *path, size_t *ret_length);

/*
 * The plan of a portion that a process has, under another policy, made if it is not there; malloc'd. NULL: the process has
 * the policy's plan, for it has no portion or the policy deals out none. A policy with another distribution than `before`
 * deals it out anew where the rank is known; a share's number beyond those of this policy goes round. 0 or negative errno.
 */
int share_plan_of_portion(char **ret_name, const char *path, struct prepared *prepared,
                          const struct policy_options *options, struct rank_portion portion,
                          enum process_distribution before, unsigned mode);

#endif
