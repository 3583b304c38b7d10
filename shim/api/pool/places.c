#include "shim/api/pool/places.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "shim/api/library.h"

struct places {
    pthread_mutex_t lock; /* one worker after the other */
    unsigned count;
    struct cpuset *masks;
    unsigned *nodes, *workers;  /* the node of each, and how many of the pool it has */
    struct door_place *offered; /* room for as many, and what each is of the places */
    unsigned *numbers;
    bool by_node; /* so many workers on each node: each stays on that which it was laid out for */
};

static unsigned node_of(const struct topology *topology, const struct cpuset *mask)
{
    return topology_cpu(topology, (unsigned)cpuset_first(mask))->node;
}

static int fill(struct places *places, const struct pool_request *request)
{
    struct pool_workers listed = {0};
    int error = pool_places_make(&listed, request);
    if (error < 0)
        return error;
    places->count = (unsigned)listed.count;
    places->masks = listed.masks;
    places->by_node = request->per_node;
    places->nodes = calloc(listed.count, sizeof(*places->nodes));
    places->workers = calloc(listed.count, sizeof(*places->workers));
    places->offered = calloc(listed.count, sizeof(*places->offered));
    places->numbers = calloc(listed.count, sizeof(*places->numbers));
    if (!places->nodes || !places->workers || !places->offered || !places->numbers)
        return -ENOMEM;
    for (unsigned i = 0; i < places->count; i++)
        places->nodes[i] = node_of(request->topology, &places->masks[i]);
    return 0;
}

int places_list(struct nw_pool *pool, const struct pool_request *request)
{
    const struct nodewise_door *door = library_door();
    if (!door || !DOOR_HAS(door, take_place) || !door->governs())
        return 0;
    pool->places = calloc(1, sizeof(*pool->places));
    if (!pool->places)
        return -ENOMEM;
    pthread_mutex_init(&pool->places->lock, NULL);
    for (uint32_t i = 0; i < pool->worker_count; i++)
        pool->workers[i]->laid_out_on = node_of(request->topology, &pool->workers[i]->mask);
    return fill(pool->places, request);
}

static bool is_for(const struct places *places, unsigned number, const struct worker *worker)
{
    return !places->by_node || places->nodes[number] == worker->laid_out_on;
}

/* Those that have the fewest of the pool's workers. Returns how many. */
static unsigned offer(struct places *places, const struct worker *worker)
{
    unsigned fewest = UINT_MAX, count = 0;
    for (unsigned i = 0; i < places->count; i++)
        if (is_for(places, i, worker) && places->workers[i] < fewest)
            fewest = places->workers[i];
    for (unsigned i = 0; i < places->count; i++) {
        if (!is_for(places, i, worker) || places->workers[i] != fewest)
            continue;
        places->offered[count] = (struct door_place){places->masks[i].words, 0, (uint32_t)places->masks[i].count};
        places->numbers[count++] = i;
    }
    return count;
}

void places_take(struct worker *worker)
{
    struct places *places = worker->pool->places;
    if (!places)
        return;
    pthread_mutex_lock(&places->lock);
    unsigned count = offer(places, worker);
    unsigned number = count ? places->numbers[library_take_place(places->offered, count)] : 0;
    if (count && cpuset_copy(&worker->mask, &places->masks[number]) == 0)
        places->workers[number]++;
    pthread_mutex_unlock(&places->lock);
}

void places_free(struct nw_pool *pool)
{
    struct places *places = pool->places;
    if (!places)
        return;
    for (unsigned i = 0; i < places->count; i++)
        cpuset_free(&places->masks[i]);
    free(places->masks);
    free(places->nodes);
    free(places->workers);
    free(places->offered);
    free(places->numbers);
    pthread_mutex_destroy(&places->lock);
    free(places);
}
