/* open_pools: the pools that are open, for nw_report(). Any thread. */
#ifndef NODEWISE_SHIM_API_POOL_OPEN_POOLS_H
#define NODEWISE_SHIM_API_POOL_OPEN_POOLS_H

struct nw_pool;

/* The pool has all its workers. */
void open_pools_add(struct nw_pool *pool);
/* It may be freed afterwards. */
void open_pools_remove(struct nw_pool *pool);

#endif
