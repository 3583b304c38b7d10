#include "shim/api/pool/listed.h"

#include <pthread.h>
#include <string.h>

#include "shim/api/library.h"
#include "shim/api/pool/pool.h"

_Static_assert(sizeof(struct worker_counts) == sizeof(struct door_counts), "one is written as the other");
_Static_assert(offsetof(struct worker_counts, stolen) == offsetof(struct door_counts, stolen), "in this order");
_Static_assert(offsetof(struct worker_counts, woken) == offsetof(struct door_counts, woken), "in this order");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the shim expects one thread at a time */

static const struct nodewise_door *door_with_pools(void)
{
    const struct nodewise_door *door = library_door();
    return door && DOOR_HAS(door, pool_counts) ? door : NULL;
}

static struct worker_counts *counts_of(const struct nodewise_door *door, const struct worker *worker)
{
    return (struct worker_counts *)(void *)door->pool_counts(worker->listed);
}

/* A record goes on where an earlier pool's worker has left it. */
static void enter(const struct nodewise_door *door, struct nw_pool *pool, struct worker *worker)
{
    worker->listed = door->enter_pool(pool->listed, (uint32_t)pool->nodes[worker->node].id, worker->is_guest);
    struct worker_counts *counts = worker->listed ? counts_of(door, worker) : NULL;
    if (!counts)
        return;
    worker_counts_copy(&worker->own_counts, counts);
    atomic_store_explicit(&worker->counts, counts, memory_order_relaxed);
}

void listed_open(struct nw_pool *pool)
{
    const struct nodewise_door *door = door_with_pools();
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    pool->listed = door->open_pool(pool->name);
    for (uint32_t i = 0; pool->listed && i < pool->worker_count + pool->guest_count; i++)
        enter(door, pool, pool->workers[i]);
    pthread_mutex_unlock(&lock);
}

void listed_close(struct nw_pool *pool)
{
    const struct nodewise_door *door = door_with_pools();
    if (!door || !pool->listed)
        return;
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < pool->worker_count + pool->guest_count; i++)
        door->leave_pool(pool->workers[i]->listed);
    door->close_pool(pool->listed);
    pthread_mutex_unlock(&lock);
}

void listed_look(struct worker *worker)
{
    struct worker_counts *before = atomic_load_explicit(&worker->counts, memory_order_relaxed);
    struct worker_counts *now = worker->listed ? counts_of(library_door(), worker) : NULL;
    if (!now || now == before)
        return;
    worker_counts_copy(now, before);
    atomic_store_explicit(&worker->counts, now, memory_order_relaxed);
}
