/* What a pool consists of, before any thread runs: options and topology in, nodes, workers, guests and orders out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pools.h"
#include "shim/api/library.h"
#include "shim/api/places.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/places.h"
#include "shim/api/pool/pool.h"
#include "shim/api/topology.h"

enum { BACKLOG = 65536, SPIN_US = 20 };

/* --- the set --- */

static int resolve_set(const struct topology *topology, const struct nw_topology *opened, const char *text,
                       struct cpuset *ret_set)
{
    struct set_result result = {0};
    if (!text)
        return cpuset_copy(ret_set, &topology->allowed);
    int error = topology_resolve(opened, text, SET_CPUS, &result);
    if (error < 0)
        return error;
    error = cpuset_copy(ret_set, &result.cpus);
    set_result_free(&result);
    return error;
}

/* --- nodes --- */

static int find_node(const struct nw_pool *pool, int32_t id)
{
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (pool->nodes[i].id == id)
            return (int)i;
    return -1;
}

static int make_nodes(struct nw_pool *pool, uint32_t backlog)
{
    pool->nodes = aligned_alloc(128, pool->order.group_count * sizeof(*pool->nodes));
    if (!pool->nodes)
        return -ENOMEM;
    for (size_t i = 0; i < pool->order.group_count; i++) {
        int32_t id = (int32_t)pool->order.groups[i].node;
        if (find_node(pool, id) >= 0)
            continue;
        struct pool_node *node = &pool->nodes[pool->node_count];
        memset(node, 0, sizeof(*node));
        int error = inbox_init(&node->inbox, backlog, id);
        if (error < 0)
            return error;
        node->id = id;
        pool->node_count++;
    }
    return 0;
}

/* A node's neighbours in the order of its first group's steps; those that steal from here are as far as those stolen from. */
static int list_nearest(struct nw_pool *pool, uint32_t number)
{
    struct pool_node *node = &pool->nodes[number];
    node->nearest = calloc(pool->node_count, sizeof(*node->nearest));
    if (!node->nearest)
        return -ENOMEM;
    node->nearest[node->nearest_count++] = number;
    size_t first = 0;
    while ((int32_t)pool->order.groups[first].node != node->id)
        first++;
    const struct steal_group *group = &pool->order.groups[first];
    for (uint32_t i = 0; i < group->step_count; i++) {
        const struct steal_step *step = &pool->order.steps[group->step_first + i];
        uint32_t other = (uint32_t)find_node(pool, (int32_t)pool->order.groups[step->group].node);
        bool listed = false;
        for (uint32_t k = 0; k < node->nearest_count; k++)
            listed |= node->nearest[k] == other;
        if (!listed)
            node->nearest[node->nearest_count++] = other;
    }
    return 0;
}

/* For each node of the machine the pool's node that is nearest. */
static int map_nodes(struct nw_pool *pool, const struct topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++)
        if (topology->nodes[i].id >= pool->node_ids)
            pool->node_ids = topology->nodes[i].id + 1;
    pool->node_of = calloc(pool->node_ids + 1, sizeof(*pool->node_of));
    if (!pool->node_of)
        return -ENOMEM;
    for (size_t i = 0; i < topology->node_count; i++) {
        unsigned id = topology->nodes[i].id, best = UINT32_MAX;
        for (uint32_t k = 0; k < pool->node_count; k++) {
            unsigned distance = topology_distance(topology, id, (unsigned)pool->nodes[k].id);
            if (distance < best) {
                best = distance;
                pool->node_of[id] = (int16_t)k;
            }
        }
    }
    return 0;
}

/* --- workers --- */

static void name_worker(const struct nw_pool *pool, struct worker *worker, uint32_t number)
{
    pool_worker_name(pool->name, number, worker->name);
}

static struct worker *make_worker(struct nw_pool *pool)
{
    struct worker *worker = aligned_alloc(alignof(struct worker), sizeof(*worker));
    if (!worker)
        return NULL;
    memset(worker, 0, sizeof(*worker));
    worker->pool = pool;
    atomic_init(&worker->counts, &worker->own_counts);
    return worker;
}

/* places: masks, or none for a pool whose workers the shim places. */
static int make_workers(struct nw_pool *pool, struct pool_workers *places, unsigned count, size_t nodes)
{
    pool->workers = calloc(count + nodes * GUESTS_PER_NODE, sizeof(*pool->workers));
    if (!pool->workers)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct worker *worker = make_worker(pool);
        if (!worker)
            return -ENOMEM;
        if (i < places->count) {
            worker->mask = places->masks[i]; /* which it now owns */
            places->masks[i] = CPUSET_EMPTY;
        }
        name_worker(pool, worker, i + 1);
        pool->workers[pool->worker_count++] = worker;
    }
    return 0;
}

static enum steal steal_of(const struct nw_pool_options *options)
{
    switch (options->steal) {
    case NW_STEAL_NODE:
        return STEAL_NODE;
    case NW_STEAL_SOCKET:
        return STEAL_SOCKET;
    case NW_STEAL_OFF:
        return STEAL_OFF;
    default:
        return STEAL_ANY;
    }
}

static int lay_out_by_options(struct nw_pool *pool, const struct nw_pool_options *options,
                              const struct topology *topology, const struct cpuset *set)
{
    struct pool_workers places = {0};
    struct pool_request request = {.topology = topology,
                                   .set = set,
                                   .size = POOL_AUTO,
                                   .per_node = options->workers_per_node,
                                   .quota = places_quota(),
                                   .distribution = DIST_ROUND_ROBIN,
                                   .level = LEVEL_NODE,
                                   .bind_to = LEVEL_CORE,
                                   .smt = SMT_CORES_FIRST};
    int error = pool_workers_make(&places, &request);
    if (error == 0)
        error = make_workers(pool, &places, (unsigned)places.count, topology->node_count);
    if (error == 0)
        error = places_list(pool, &request);
    pool_workers_free(&places);
    pool->steal = steal_of(options);
    pool->spin_ns = (int64_t)(options->spin_us ? options->spin_us : SPIN_US) * 1000;
    pool->backlog = options->backlog ? options->backlog : BACKLOG;
    return error;
}

static int lay_out_by_policy(struct nw_pool *pool, const struct door_pool *asked, const struct topology *topology)
{
    struct pool_workers none = {0};
    pool->of_policy = true;
    pool->steal = asked->steal < STEAL_COUNT ? (enum steal)asked->steal : STEAL_ANY;
    pool->spin_ns = (int64_t)asked->spin_us * 1000;
    pool->backlog = asked->backlog ? asked->backlog : BACKLOG;
    unsigned count = places_of_policy((enum pool_size)asked->how, asked->number, asked->places);
    return make_workers(pool, &none, count, topology->node_count);
}

int pool_lay_out_workers(struct nw_pool *pool, const struct nw_pool_options *options, const struct nw_topology *opened)
{
    const struct topology *topology = topology_of(opened);
    const struct nodewise_door *door = library_door();
    struct door_pool asked;
    struct cpuset set = CPUSET_EMPTY;
    if (cpuset_weight(&topology->allowed) == 1)
        waits_alone();
    if (door && DOOR_HAS(door, find_pool) && door->find_pool(pool->name, &asked))
        return lay_out_by_policy(pool, &asked, topology);
    int error = resolve_set(topology, opened, options->cpus, &set);
    if (error == 0)
        error = lay_out_by_options(pool, options, topology, &set);
    cpuset_free(&set);
    return error;
}

/* --- once they know where they are --- */

/* CPUs of the workers, then for the guests of each node the CPU of one of its workers. */
static unsigned *list_cpus(const struct nw_pool *pool, const struct topology *topology, size_t *ret_count)
{
    size_t count = pool->worker_count;
    unsigned *cpus = calloc(count + topology->node_count * GUESTS_PER_NODE, sizeof(*cpus));
    if (!cpus)
        return NULL;
    for (size_t i = 0; i < pool->worker_count; i++) {
        int first = cpuset_first(&pool->workers[i]->mask);
        cpus[i] = first >= 0 && topology_cpu(topology, (unsigned)first) ? (unsigned)first : topology->cpu[0].id;
    }
    for (size_t node = 0; node < topology->node_count; node++) {
        size_t i = 0;
        while (i < pool->worker_count && topology_cpu(topology, cpus[i])->node != topology->nodes[node].id)
            i++;
        for (unsigned guest = 0; i < pool->worker_count && guest < GUESTS_PER_NODE; guest++)
            cpus[count++] = cpus[i];
    }
    *ret_count = count;
    return cpus;
}

static void seat(struct worker *worker, uint32_t group)
{
    worker->group = group;
    worker->node = (uint32_t)find_node(worker->pool, (int32_t)worker->pool->order.groups[group].node);
}

/* Guests are members of a group, too, so that workers steal from them. */
static int make_guest(struct nw_pool *pool, uint32_t group)
{
    struct worker *guest = make_worker(pool);
    int error = guest ? deque_init(&guest->deque) : -ENOMEM;
    if (error < 0) {
        free(guest);
        return error;
    }
    guest->is_guest = true;
    seat(guest, group);
    pool->workers[pool->worker_count + pool->guest_count++] = guest;
    return 0;
}

int pool_lay_out_nodes(struct nw_pool *pool, const struct topology *topology)
{
    size_t count = 0;
    unsigned *cpus = list_cpus(pool, topology, &count);
    int error = cpus ? steal_order_make(&pool->order, topology, cpus, count, pool->steal) : -ENOMEM;
    free(cpus);
    if (error == 0)
        error = make_nodes(pool, pool->backlog);
    for (uint32_t i = 0; error == 0 && i < pool->node_count; i++)
        error = list_nearest(pool, i);
    if (error == 0)
        error = map_nodes(pool, topology);
    for (uint32_t i = 0; error == 0 && i < pool->worker_count; i++)
        seat(pool->workers[i], pool->order.group_of[i]);
    for (size_t i = pool->worker_count; error == 0 && i < count; i++)
        error = make_guest(pool, pool->order.group_of[i]);
    return error;
}

void pool_dispose(struct nw_pool *pool)
{
    for (uint32_t i = 0; i < pool->worker_count + pool->guest_count; i++) {
        deque_free(&pool->workers[i]->deque);
        cpuset_free(&pool->workers[i]->mask);
        free(pool->workers[i]);
    }
    for (uint32_t i = 0; i < pool->node_count; i++) {
        inbox_free(&pool->nodes[i].inbox);
        free(pool->nodes[i].nearest);
    }
    places_free(pool);
    free(pool->workers);
    free(pool->nodes);
    free(pool->node_of);
    steal_order_free(&pool->order);
    free(pool);
}
