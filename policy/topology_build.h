/*
 * topology_build: the steps from what a source of topologies reports to a complete struct topology, in the
 * order given here. For the sources alone (topology_hwloc.c); all other code sees the finished topology.
 *
 * All return 0 or -ENOMEM unless said otherwise.
 */
#ifndef NODEWISE_POLICY_TOPOLOGY_BUILD_H
#define NODEWISE_POLICY_TOPOLOGY_BUILD_H

#include "policy/topology.h"

/* 1. topology->cpus, allowed, nodes (ascending ids, cpus as reported) are the source's to fill; then: */
int build_place(struct topology *topology, enum level level, unsigned id, const struct cpuset *cpus);
/* Takes over the device's texts and sets, also when it fails. */
int build_device(struct topology *topology, struct device *device);

/* 2. "allowed=0-7; mems=0" cuts topology->allowed and mems; -EINVAL with a finding for anything else. */
int build_restrict(struct topology *topology, struct cpuset *mems, const char *text, struct diag_list *diags);

/*
 * 3. Every CPU into exactly one place of each level, in locality order; levels that the source lacks are made
 * up; each CPU to one node: the one with the fewest CPUs around it, the lower id among equals (DRAM comes
 * before HBM in every firmware table seen). mems: node ids whose memory may be used.
 */
int build_cpus(struct topology *topology, const struct cpuset *mems);

/* 4. Distances where the machine tells none: 10 on the node, 12 in the package, else 32; 20 for CPU-less nodes. */
int build_default_distances(struct topology *topology);

/* 5. When cpus, nodes and distances are final: mem_node of each CPU. */
int build_homes(struct topology *topology);

#endif
