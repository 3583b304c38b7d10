/* report_pools: the pools of the C interface and what their workers did: the part "pools" of a report. */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_POOLS_H
#define NODEWISE_TOOLS_REPORT_REPORT_POOLS_H

#include <stdio.h>

#include <jansson.h>

#include "tools/segment/snapshot.h"

/* What the workers of a pool on a node did. */
struct pool_work {
    uint32_t node, workers; /* workers: those that live; guests are none */
    struct segment_worker_counts counts;
};

/*
 * Of one pool, the nodes in the order of their first worker; `from` is where to go on, at first 0. false: there is no
 * further one. Its cost grows with the workers of all pools.
 */
bool pool_work_next(const struct snapshot *snapshot, size_t pool, size_t *from, struct pool_work *ret);

/* Tasks that came from other workers of the node. */
static inline uint64_t pool_work_near(const struct pool_work *work)
{
    return work->counts.stolen[SEGMENT_TIER_L3] + work->counts.stolen[SEGMENT_TIER_NODE];
}

json_t *report_pools(const struct snapshot *snapshot);
/* A table with a row for each pool and node; nothing where there are no pools. */
void report_pools_text(FILE *to, const json_t *report);

#endif
