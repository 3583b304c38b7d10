/*
 * places: the CPUs of threads that the library starts itself: as many as asked for, or one for each core, on the nodes of a
 * set in turn.
 *
 * Any thread; not signal-safe.
 */
#ifndef NODEWISE_SHIM_API_PLACES_H
#define NODEWISE_SHIM_API_PLACES_H

#include "policy/pools.h"

/*
 * cpus: a set as for nw_topology_set(); NULL: all that the process may use. count: 0: a thread for each core, within the
 * cgroup's quota. 0, -ENOENT: the set is empty here, or an error of the set or of the topology. pool_workers_free().
 */
int places_make(const char *cpus, unsigned count, struct pool_workers *ret_places);

/* CPUs that the cgroup's quota amounts to; 0: it has none. */
unsigned places_quota(void);

/* How many threads the policy wants on so many places of its own: how and number as it says, within the quota. */
unsigned places_of_policy(enum pool_size how, unsigned number, unsigned places);

#endif
