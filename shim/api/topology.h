/*
 * topology: descriptions of machines and sets of CPUs in the policy's grammar, for the other parts of the library. The
 * counterparts in nodewise.h call these.
 *
 * Any thread; not signal-safe: it allocates, and reads a machine's description through hwloc once.
 */
#ifndef NODEWISE_SHIM_API_TOPOLOGY_H
#define NODEWISE_SHIM_API_TOPOLOGY_H

#include "policy/setexpr.h"
#include "policy/topology.h"
#include "shim/nodewise.h"

/* What the topology describes; as long as it is open. */
const struct topology *topology_of(const struct nw_topology *topology);

/*
 * Resolves a set of nw_topology_set(). unit: what a bare number means. Free it with set_result_free(). 0; -EINVAL: no set;
 * -ENOENT: empty on this machine; -ENOMEM.
 */
int topology_resolve(const struct nw_topology *topology, const char *set, enum set_unit unit, struct set_result *ret);

#endif
