/*
 * shares: the parts of the machine that the processes of one deployment are given ([process] distribution, level). Each
 * share is a set of allowed CPUs; a plan for it is the policy compiled with nothing else allowed. Pure.
 */
#ifndef NODEWISE_POLICY_SHARES_H
#define NODEWISE_POLICY_SHARES_H

#include <stddef.h>

#include "policy/topology.h"
#include "policy/words.h"

struct plan_view;

struct shares {
    struct cpuset *sets;
    size_t count;
};

/*
 * Places of the level that have CPUs of the limit, in the order in which processes get them: by their place in the
 * machine, for scatter with neighbours in the order in different packages. At most LEDGER_SHARES: of more places,
 * neighbours make one share together. 0 or -ENOMEM; free with shares_free().
 */
int shares_list(struct shares *ret_shares, const struct topology *topology, const struct cpuset *limit,
                enum process_distribution distribution, enum level level);
/* Those that a policy's plan holds. The same. */
int shares_of_plan(struct shares *ret_shares, const struct plan_view *plan);
/* The one share that ranks divide: all CPUs that the rules of the plan use. The same. */
int shares_whole(struct shares *ret_shares, const struct plan_view *plan);
void shares_free(struct shares *shares);

/*
 * The part-th of `parts` parts of a set: whole cores while there are enough, else CPUs; never empty while the set is
 * not, so more parts than CPUs share some.
 */
int shares_part(struct cpuset *ret_part, const struct topology *topology, const struct cpuset *set, unsigned part,
                unsigned parts);

#endif
