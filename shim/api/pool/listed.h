/*
 * listed: under the shim, workers count in the process's segment, where `nodewise show` and others read it. Without the
 * shim, and where the segment has no record left, they count in their own memory.
 */
#ifndef NODEWISE_SHIM_API_POOL_LISTED_H
#define NODEWISE_SHIM_API_POOL_LISTED_H

struct nw_pool;
struct worker;

/* The workers and guests of a pool have their nodes, and have run nothing yet. */
void listed_open(struct nw_pool *pool);
/* They run nothing any more. */
void listed_close(struct nw_pool *pool);
/* A reload may have made another segment. For the worker's own thread; what it has counted goes along. */
void listed_look(struct worker *worker);

#endif
