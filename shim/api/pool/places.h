/*
 * places: which of a pool's places each worker takes, where the shim knows how many threads of other processes there are.
 * A place that no worker of the pool has comes before one that has; of these the shim chooses. Without the shim there are
 * none, and workers keep the masks that they were laid out with.
 */
#ifndef NODEWISE_SHIM_API_POOL_PLACES_H
#define NODEWISE_SHIM_API_POOL_PLACES_H

#include "policy/pools.h"
#include "shim/api/pool/pool.h"

/* Before the workers start. 0, or a negative errno. */
int places_list(struct nw_pool *pool, const struct pool_request *request);
/* A worker's mask, by its own thread, between library_hold() and its pinning. */
void places_take(struct worker *worker);
void places_free(struct nw_pool *pool);

#endif
