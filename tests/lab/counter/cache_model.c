#include "tests/lab/counter/cache_model.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SHIFT 6
#define WAYS       8u
#define SETS       512u /* x 8 ways x 64 bytes = 256 KiB */

/*
 * Of a line of memory: who has written it last, alone, and how often that changed. A copy with another count is stale.
 */
#define WRITER_BITS 10u
#define NOBODY      ((1u << WRITER_BITS) - 1)

struct copy {
    uint64_t line; /* number + 1, 0: empty */
    uint32_t state;
};

struct ways {
    struct copy copies[WAYS]; /* the one used last first */
};

struct cache {
    unsigned cpus;
    uint64_t lines;
    _Atomic uint32_t *states; /* of all lines */
    struct ways *sets;        /* SETS for each CPU */
};

struct cache *cache_open(unsigned cpus, uint64_t addresses)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    if (!cache || cpus >= NOBODY)
        return cache_close(cache), NULL;
    cache->cpus = cpus;
    cache->lines = (addresses + (1u << LINE_SHIFT) - 1) >> LINE_SHIFT;
    cache->states = calloc(cache->lines, sizeof(*cache->states));
    cache->sets = calloc((size_t)cpus * SETS, sizeof(*cache->sets));
    if (!cache->states || !cache->sets)
        return cache_close(cache), NULL;
    cache_clear(cache);
    return cache;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    free((void *)cache->states);
    free(cache->sets);
    free(cache);
}

void cache_clear(struct cache *cache)
{
    memset(cache->sets, 0, (size_t)cache->cpus * SETS * sizeof(*cache->sets));
}

/* What the line is after this access. A store by another than the last writer makes all copies stale. */
static uint32_t state_after(uint32_t state, unsigned cpu, bool store)
{
    uint32_t writer = state & NOBODY;
    if (store && writer != cpu + 1)
        return ((state & ~NOBODY) + NOBODY + 1) | (cpu + 1);
    if (!store && writer != cpu + 1 && writer != 0)
        return state & ~NOBODY; /* shared: its writer has to say so at its next store */
    return state;
}

/* Is the line there? It becomes the one used last in any case. */
static bool find(struct ways *ways, uint64_t tag, uint32_t before, uint32_t after)
{
    struct copy *copies = ways->copies;
    unsigned place = 0;
    while (place < WAYS - 1 && copies[place].line != tag)
        place++;
    bool hit = copies[place].line == tag && (copies[place].state & ~NOBODY) == (before & ~NOBODY);
    memmove(copies + 1, copies, place * sizeof(*copies));
    copies[0] = (struct copy){tag, after};
    return hit;
}

bool cache_misses(struct cache *cache, unsigned cpu, uint64_t address, bool store)
{
    uint64_t line = address >> LINE_SHIFT;
    if (line >= cache->lines || cpu >= cache->cpus)
        return true;
    uint32_t before = atomic_load_explicit(&cache->states[line], memory_order_relaxed);
    uint32_t after = state_after(before, cpu, store);
    if (after != before)
        atomic_store_explicit(&cache->states[line], after, memory_order_relaxed);
    return !find(&cache->sets[(size_t)cpu * SETS + line % SETS], line + 1, before, after);
}
