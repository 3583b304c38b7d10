/* Opening, draining and closing. */
#include "shim/api/pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/listed.h"
#include "shim/api/pool/open_pools.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/task.h"
#include "shim/api/topology.h"

void pool_wake(struct nw_pool *pool, uint32_t node)
{
    const struct pool_node *from = &pool->nodes[node];
    /* with wait_for_work(): a worker that is not idle here looks for work before it sleeps */
    if (from->nearest_count > 1 && !atomic_load(&pool->idle))
        return;
    for (uint32_t i = 0; i < from->nearest_count; i++)
        if (sleep_wake(&pool->nodes[from->nearest[i]].sleepers))
            return;
}

/* --- opening --- */

static void join_workers(struct nw_pool *pool, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        pthread_join(pool->workers[i]->thread, NULL);
}

static void release(struct nw_pool *pool, unsigned how)
{
    atomic_store(&pool->released, how);
    futex_wake(&pool->released, INT32_MAX);
}

/* All have their places and say how it went before the first one runs anything. Those that began: *ret_count. */
static int start_workers(struct nw_pool *pool, uint32_t *ret_count)
{
    uint32_t count = 0;
    int error = 0;
    while (error == 0 && count < pool->worker_count) {
        struct worker *worker = pool->workers[count];
        error = -pthread_create(&worker->thread, NULL, worker_main, worker);
        count += error == 0;
    }
    for (unsigned started; (started = atomic_load(&pool->started)) < count;)
        futex_wait(&pool->started, started, INT64_MAX);
    for (uint32_t i = 0; error == 0 && i < count; i++)
        error = pool->workers[i]->error;
    *ret_count = count;
    return error;
}

static int begin(struct nw_pool *pool, const struct nw_pool_options *options)
{
    struct nw_topology *topology;
    uint32_t count = 0;
    int error = nw_topology_open(NULL, &topology);
    if (error < 0)
        return error;
    error = pool_lay_out_workers(pool, options, topology);
    if (error == 0)
        error = start_workers(pool, &count);
    if (error == 0)
        error = pool_lay_out_nodes(pool, topology_of(topology));
    if (error == 0)
        listed_open(pool);
    release(pool, error == 0 ? WORKERS_RUN : WORKERS_END);
    if (error < 0)
        join_workers(pool, count);
    nw_topology_close(topology);
    return error;
}

static int check_options(const struct nw_pool_options *options)
{
    bool is_known = options->steal <= NW_STEAL_OFF && options->mode <= NW_HARD;
    return options->size >= offsetof(struct nw_pool_options, backlog) && is_known ? 0 : -EINVAL;
}

static int open_pool(const struct nw_pool_options *options, struct nw_pool **ret)
{
    struct nw_pool *pool = aligned_alloc(alignof(struct nw_pool), sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    memset(pool, 0, sizeof(*pool));
    strncpy(pool->name, options->name ? options->name : "pool", sizeof(pool->name) - 1);
    pool->mode = (enum nw_mode)options->mode;
    int error = begin(pool, options);
    if (error < 0) {
        pool_dispose(pool);
        return error;
    }
    open_pools_add(pool);
    *ret = pool;
    return 0;
}

API int nw_pool_open(const struct nw_pool_options *options, struct nw_pool **ret)
{
    static const struct nw_pool_options defaults = {.size = sizeof(defaults)};
    struct nw_pool_options copy = defaults;
    int saved = errno;
    int error = library_begin();
    if (error == 0 && options)
        error = check_options(options);
    if (error == 0 && options)
        memcpy(&copy, options, options->size < sizeof(copy) ? options->size : sizeof(copy));
    if (error == 0)
        error = open_pool(&copy, ret);
    errno = saved;
    return error;
}

/* --- drain and close --- */

static uint64_t sum_activity(const struct nw_pool *pool, bool *ret_active)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pool->worker_count + pool->guest_count; i++) {
        unsigned activity = atomic_load(&pool->workers[i]->activity);
        *ret_active |= activity & 1;
        sum += activity;
    }
    return sum;
}

static bool has_queued(const struct nw_pool *pool)
{
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (inbox_count(&pool->nodes[i].inbox))
            return true;
    for (uint32_t i = 0; i < pool->worker_count + pool->guest_count; i++)
        if (deque_count(&pool->workers[i]->deque))
            return true;
    return false;
}

bool pool_is_quiet(const struct nw_pool *pool)
{
    /* For good: who is active now was woken late, or knocks and is refused. */
    if (atomic_load(&pool->drained))
        return true;
    /*
     * None active, nothing queued, and none has become active since: so between the two sums all of them held nothing
     * while the queues were empty. Numbers of activity grow only.
     */
    bool active = false;
    uint64_t before = sum_activity(pool, &active);
    if (active || has_queued(pool))
        return false;
    return sum_activity(pool, &active) == before && !active;
}

static int wait_until_quiet(struct nw_pool *pool, int64_t deadline)
{
    int error = 0;
    while (error == 0 && !pool_is_quiet(pool)) {
        struct parked parked;
        park_begin(&parked, pool, false);
        if (!pool_is_quiet(pool))
            error = park_wait(&parked, deadline);
        park_end(&parked);
    }
    return pool_is_quiet(pool) ? 0 : error;
}

static int drain(struct nw_pool *pool, int64_t deadline)
{
    if (pool_worker(pool))
        return -EDEADLK;
    int error = door_end(pool->door, deadline);
    if (error < 0)
        return error;
    atomic_store(&pool->draining, true);
    for (uint32_t i = 0; i < pool->node_count; i++)
        inbox_close(&pool->nodes[i].inbox);
    error = wait_until_quiet(pool, deadline);
    if (error == 0)
        atomic_store(&pool->drained, true);
    return error;
}

API int nw_pool_drain(struct nw_pool *pool, int64_t timeout_ns)
{
    int saved = errno;
    int error = library_begin();
    if (error == 0)
        error = drain(pool, clock_deadline(timeout_ns));
    errno = saved;
    return error;
}

API int nw_pool_close(struct nw_pool *pool, int64_t timeout_ns)
{
    int saved = errno;
    int error = !pool ? 0 : library_begin();
    if (error == 0 && pool)
        error = drain(pool, clock_deadline(timeout_ns));
    if (error == 0 && pool) {
        open_pools_remove(pool);
        atomic_store(&pool->stopping, true);
        for (uint32_t i = 0; i < pool->node_count; i++)
            sleep_wake_all(&pool->nodes[i].sleepers);
        join_workers(pool, pool->worker_count);
        listed_close(pool);
        door_free(pool->door);
        pool_dispose(pool);
    }
    errno = saved;
    return error;
}

/* --- what is told --- */

API int nw_pool_idle(struct nw_pool *pool)
{
    return library_is_forked() ? -ECHILD : pool_is_quiet(pool);
}

API struct nw_pool *nw_pool_current(void)
{
    struct worker *worker = worker_self();
    return worker ? worker->pool : NULL;
}

/* Since the worker's start. */
static uint64_t since(const _Atomic uint64_t *now, const _Atomic uint64_t *before)
{
    return read_count(now) - (now == before ? 0 : read_count(before));
}

static void add_worker(struct nw_pool_stats *stats, const struct worker *worker)
{
    const struct worker_counts *now = worker_counts(worker), *before = &worker->own_counts;
    uint64_t stolen[sizeof(now->stolen) / sizeof(now->stolen[0])];
    for (unsigned i = 0; i < sizeof(stolen) / sizeof(stolen[0]); i++)
        stolen[i] = since(&now->stolen[i], &before->stolen[i]);
    stats->run += since(&now->run, &before->run);
    stats->stolen_node += stolen[TIER_L3] + stolen[TIER_NODE];
    stats->stolen_socket += stolen[TIER_SOCKET];
    stats->stolen_remote += stolen[TIER_REMOTE];
    stats->slept += since(&now->slept, &before->slept);
    stats->woken += since(&now->woken, &before->woken);
}

API int nw_pool_stats(struct nw_pool *pool, int32_t node, struct nw_pool_stats *ret)
{
    if (library_is_forked())
        return -ECHILD;
    if (ret->size <= offsetof(struct nw_pool_stats, run))
        return -EINVAL;
    struct nw_pool_stats stats = {.size = ret->size};
    bool found = false;
    for (uint32_t i = 0; i < pool->node_count; i++) {
        if (node != -1 && pool->nodes[i].id != node)
            continue;
        uint64_t most = inbox_most(&pool->nodes[i].inbox);
        stats.backlog_max = most > stats.backlog_max ? most : stats.backlog_max;
        found = true;
        for (uint32_t k = 0; k < pool->worker_count + pool->guest_count; k++)
            if (pool->workers[k]->node == i)
                add_worker(&stats, pool->workers[k]);
    }
    if (!found)
        return -ENOENT;
    memcpy(ret, &stats, ret->size < sizeof(stats) ? ret->size : sizeof(stats));
    return 0;
}
