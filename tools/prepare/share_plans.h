/*
 * share_plans: the plans of a deployment's shares ([process] distribution), which lie beside the policy's plan on
 * tmpfs: PLAN.0, PLAN.1, …, and PLAN.1.0of2 where a share is divided among the ranks of a launcher.
 */
#ifndef NODEWISE_TOOLS_PREPARE_SHARE_PLANS_H
#define NODEWISE_TOOLS_PREPARE_SHARE_PLANS_H

#include "policy/shares.h"
#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/* Writes the plan of each share beside `path`, for what prepare_plan() prepared. 0 or negative errno. */
int share_plans_write(const char *path, struct prepared *prepared, unsigned mode);

/*
 * The plan of a rank's own share, made if it is not there; malloc'd. NULL: the process has the policy's plan (no
 * distribution is asked for, the rank is not known, or something failed, which was said).
 */
char *share_plan_of_rank(const char *path, struct prepared *prepared, const struct policy_options *options,
                         struct rank rank, unsigned mode);

#endif
