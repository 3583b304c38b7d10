/*
 * steal_order: which workers of a pool an idle worker takes tasks from, nearest first.
 *
 * Workers under one last-level cache of one node are a group. A group looks at itself, then at the other groups: of
 * its node, of its package, then of other packages by the distance of their nodes. Groups that are equally far begin
 * behind the looking group, so that not all begin with the same one. Listing groups instead of workers keeps the
 * order of 4096 workers at a few hundred kilobytes.
 *
 * Pure; allocates. Ownership: steal_order_free(). Immutable once made, so any number of threads may read it.
 */
#ifndef NODEWISE_POLICY_STEAL_ORDER_H
#define NODEWISE_POLICY_STEAL_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "policy/topology.h"
#include "policy/words.h"

/* how far a theft reaches, nearest first */
enum steal_tier { TIER_L3, TIER_NODE, TIER_SOCKET, TIER_REMOTE };

struct steal_group {
    unsigned node, package, l3; /* ids of the topology */
    uint32_t first, count;      /* of `members` */
    uint32_t step_first, step_count;
};

struct steal_step {
    uint32_t group;
    uint32_t tier; /* enum steal_tier */
};

struct steal_order {
    struct steal_group *groups;
    size_t group_count;
    uint32_t *members;  /* numbers of workers, group by group */
    uint32_t *group_of; /* of each worker */
    size_t worker_count;
    struct steal_step *steps; /* of each group in order; a group's first step is itself */
};

/*
 * cpus: of each worker one CPU of its mask. steal bounds how far a step goes; with STEAL_OFF no group has a step.
 * 0, -EINVAL for a CPU that the topology lacks or for no worker, -ENOMEM.
 */
int steal_order_make(struct steal_order *ret_order, const struct topology *topology, const unsigned *cpus, size_t count,
                     enum steal steal);
void steal_order_free(struct steal_order *order);

#endif
