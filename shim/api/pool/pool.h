/*
 * pool: a pool as its files see it: nodes with an inbox and sleepers each, workers, guests.
 *
 * Everything but the atomics is constant from nw_pool_open() to nw_pool_close().
 */
#ifndef NODEWISE_SHIM_API_POOL_POOL_H
#define NODEWISE_SHIM_API_POOL_POOL_H

#include "policy/topology.h"
#include "shim/api/pool/worker.h"

struct pool_node {
    struct inbox inbox;
    struct sleepers sleepers;
    int32_t id;        /* the kernel's */
    uint32_t *nearest; /* numbers of pool->nodes that may take from here, this one first */
    uint32_t nearest_count;
};

struct door;
struct task_watch;

enum released { WORKERS_WAIT, WORKERS_RUN, WORKERS_END };

struct nw_pool {
    alignas(128) atomic_uint idle;           /* workers that search or sleep */
    atomic_bool draining, drained, stopping; /* drained: was quiet while nothing could come any more */
    alignas(128) atomic_uint started;        /* workers; with the opener */
    atomic_uint released;                    /* enum released; the workers wait for it */
    int64_t spin_ns;
    enum steal steal;
    uint32_t backlog;
    bool of_policy;        /* a [[pools]] of the policy: the shim places the workers */
    struct places *places; /* NULL: the workers' masks are as they were laid out (places.h) */
    struct steal_order order;
    struct pool_node *nodes;
    uint32_t node_count;
    struct worker **workers; /* by number, worker_count of them, then guests */
    uint32_t worker_count, guest_count;
    int16_t *node_of; /* by the kernel's number: the nearest of nodes */
    uint32_t node_ids;
    enum nw_mode mode;
    char name[32];
    uint32_t listed;           /* its number in the segment; 0: it has none */
    struct nw_pool *next_open; /* under open_pools.c's lock */
    struct door *door;         /* NULL: nw_pool_pipe() was not called */
};

/* Wakes a worker that may take what was just published for that node. Any thread. */
void pool_wake(struct nw_pool *pool, uint32_t node);
/* The node of the pool that is nearest to the kernel's node (-1: the caller's). Any thread. */
uint32_t pool_node_near(const struct nw_pool *pool, int32_t id);
/* The caller's worker of that pool, or NULL. */
static inline struct worker *pool_worker(const struct nw_pool *pool)
{
    struct worker *worker = worker_self();
    return worker && worker->pool == pool ? worker : NULL;
}

/* nw_submit(), with a watch or NULL. Not in a forked child. */
int pool_submit(struct nw_pool *pool, struct nw_task *task, struct task_watch *watch);
/* Puts a queued task in the node's inbox. 0, -EAGAIN, -ESHUTDOWN. Any thread. */
int pool_post(struct nw_pool *pool, uint32_t node, struct nw_task *task);

/*
 * As the policy says, else the options: the workers, without nodes, and the CPUs that each is to have. Then, once these have
 * started and know which CPUs they have: nodes, guests and the orders of looking. After a failure the pool is to be disposed
 * of all the same.
 */
int pool_lay_out_workers(struct nw_pool *pool, const struct nw_pool_options *options, const struct nw_topology *opened);
int pool_lay_out_nodes(struct nw_pool *pool, const struct topology *topology);
void pool_dispose(struct nw_pool *pool);

/* Is nothing queued, and does no worker hold a task? Exact once nothing comes from outside any more. Any thread. */
bool pool_is_quiet(const struct nw_pool *pool);

/* Takes in what is in the pipe and ends the thread that reads it. 0, -ETIMEDOUT. NULL does nothing. One thread. */
int door_end(struct door *door, int64_t deadline);
void door_free(struct door *door); /* after door_end() */

/* A guest of a node near the caller, which becomes the calling thread's worker; NULL: all are borrowed, or it drains. */
struct worker *pool_borrow_guest(struct nw_pool *pool);
void pool_return_guest(struct worker *guest);

#endif
