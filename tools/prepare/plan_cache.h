/*
 * plan_cache: ready plans on tmpfs, found by content, so that a start costs reading the policy and not reading
 * the machine.
 *
 *   /dev/shm/nodewise.UID/plans/<policy>-<machine>.plan      0700 folders (root: 0711, files 0644)
 *
 * The name hashes everything that the plan depends on: the policy with all its layers, the rank, the format's
 * version, and a fingerprint of the machine that is cheap to take (boot id, online and isolated CPUs, online
 * nodes, what this process may use, names of devices). Root's plans are readable by all because the daemons
 * that root starts drop to users of their own before or after exec; a plan says no more than the policy.
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_CACHE_H
#define NODEWISE_TOOLS_PREPARE_PLAN_CACHE_H

#include <stdint.h>

#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/*
 * The file's name for a policy on this machine as it is now; malloc'd. 0; -EPERM: its folder is not this user's alone;
 * or another negative errno.
 */
int plan_cache_path(char **ret_path, const struct prepared *prepared);

/*
 * The whole way: takes the cached plan or compiles, checks and stores one. EXIT_OK with a malloc'd path, or
 * the exit code after having said why.
 */
int plan_cache_get(char **ret_path, struct prepared *prepared, const struct policy_options *options);
/*
 * The same for a running process that has this portion, by the distribution `before`. The environment's rank is that
 * process's (rank_take_from()).
 */
int plan_cache_get_portion(char **ret_path, struct prepared *prepared, const struct policy_options *options,
                           struct rank_portion portion, enum process_distribution before);

#endif
