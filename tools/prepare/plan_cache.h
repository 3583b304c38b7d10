/*
 * plan_cache: ready plans, found by content, so that a start costs reading the policy and not reading the machine. Each
 * lies in the first place that takes it (plan_place.h), as plans/<policy>-<machine>.vN.plan. Where none does, the plan
 * goes along as a text (policy/plan_text.h).
 *
 * The name hashes everything that the plan depends on: the policy with all its layers, the rank, the format's
 * version, and a fingerprint of the machine that is cheap to take (boot id, online and isolated CPUs, online
 * nodes, what this process may use, measured distances, names of devices). Root's plans (0644) are readable by all because the daemons
 * that root starts drop to users of their own before or after exec; a plan says no more than the policy.
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_CACHE_H
#define NODEWISE_TOOLS_PREPARE_PLAN_CACHE_H

#include <stdint.h>

#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/*
 * The whole way: takes the cached plan or compiles, checks and stores one. EXIT_OK with a malloc'd path, or
 * the plan as a text where no folder takes it, NULL after a word where that is too large; or the exit code after having said why.
 */
int plan_cache_get(char **ret_path, struct prepared *prepared, const struct policy_options *options);
/*
 * The file of a plan that was made already, for who looks at what is done by it; malloc'd. NULL: no folder keeps it, or
 * memory is short.
 */
char *plan_cache_keep(struct prepared *prepared);
/*
 * The same for a running process that has this portion, by the distribution `before`. The environment's rank is that
 * process's (rank_take_from()). The path is one of a file.
 */
int plan_cache_get_portion(char **ret_path, struct prepared *prepared, const struct policy_options *options,
                           struct rank_portion portion, enum process_distribution before);

#endif
