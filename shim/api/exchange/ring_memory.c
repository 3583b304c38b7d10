#include "shim/api/exchange/ring_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shim/nodewise.h"

#define SHARED_CHUNK ((size_t)64 << 10) /* of rings that are smaller than a quarter of it */
#define ALIGN        ((size_t)128)

struct ring_chunk {
    struct nw_region region;
    size_t used;      /* of the region */
    unsigned holders; /* rings, and the store while it is the current one */
};

static int reserve(struct ring_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (used > budget->limit || bytes > budget->limit - used)
            return -ENOBUFS;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

static void unreserve(struct ring_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

/* Preferred, not bound: a node that is full is no reason to fail. */
static int map(struct nw_region *ret_region, int32_t node, size_t bytes)
{
    char nodes[16];
    const struct nw_region_options options = {.size = sizeof(options), .policy = NW_PREFERRED, .nodes = nodes};
    snprintf(nodes, sizeof(nodes), "%d", (int)node);
    int error = node < 0 ? -ENOENT : nw_region_map(ret_region, bytes, &options);
    /* the node is unknown, or has no memory that this process may use */
    return error == -ENOENT || error == -EINVAL ? nw_region_map(ret_region, bytes, NULL) : error;
}

static struct ring_chunk *make_chunk(struct ring_budget *budget, int32_t node, size_t bytes, int *ret_error)
{
    struct ring_chunk *chunk = NULL;
    *ret_error = reserve(budget, bytes);
    if (*ret_error)
        return NULL;
    chunk = calloc(1, sizeof(*chunk));
    *ret_error = chunk ? map(&chunk->region, node, bytes) : -ENOMEM;
    if (*ret_error == 0 && chunk->region.length > bytes) /* whole pages, which are counted, too */
        *ret_error = reserve(budget, chunk->region.length - bytes);
    if (*ret_error == 0)
        return chunk;
    if (chunk)
        nw_region_unmap(&chunk->region);
    free(chunk);
    unreserve(budget, bytes);
    return NULL;
}

static void let_go(struct ring_budget *budget, struct ring_chunk *chunk)
{
    if (--chunk->holders)
        return;
    unreserve(budget, chunk->region.length);
    nw_region_unmap(&chunk->region);
    free(chunk);
}

static void carve(struct ring_chunk *chunk, size_t bytes, struct ring_place *ret_place)
{
    *ret_place = (struct ring_place){(char *)chunk->region.start + chunk->used, chunk, bytes};
    chunk->used += bytes;
    chunk->holders++;
}

/* One of its own, where it is large or the budget has no room for a shared one. */
static int take(struct ring_store *store, struct ring_budget *budget, int32_t node, size_t bytes,
                struct ring_place *ret_place)
{
    struct ring_chunk *chunk = store->current;
    int error = 0;
    if (chunk && chunk->region.length - chunk->used >= bytes) {
        carve(chunk, bytes, ret_place);
        return 0;
    }
    bool shares = bytes < SHARED_CHUNK / 4;
    chunk = shares ? make_chunk(budget, node, SHARED_CHUNK, &error) : NULL;
    if (!chunk) {
        chunk = make_chunk(budget, node, bytes, &error);
        shares = false;
    }
    if (!chunk)
        return error;
    carve(chunk, bytes, ret_place);
    if (shares) {
        chunk->holders++;
        if (store->current)
            let_go(budget, store->current);
        store->current = chunk;
    }
    return 0;
}

int ring_memory_take(struct ring_store *store, struct ring_budget *budget, int32_t node, size_t bytes,
                     struct ring_place *ret_place)
{
    pthread_mutex_lock(&store->lock);
    int error = take(store, budget, node, (bytes + ALIGN - 1) & ~(ALIGN - 1), ret_place);
    pthread_mutex_unlock(&store->lock);
    return error;
}

void ring_memory_give(struct ring_store *store, struct ring_budget *budget, const struct ring_place *place)
{
    pthread_mutex_lock(&store->lock);
    let_go(budget, place->chunk);
    pthread_mutex_unlock(&store->lock);
}

void ring_memory_end(struct ring_store *store, struct ring_budget *budget)
{
    if (store->current)
        let_go(budget, store->current);
    store->current = NULL;
}
