#include "shim/telemetry/pools.h"

#include <errno.h>
#include <string.h>

#include "shim/telemetry/room.h"
#include "shim/telemetry/segment.h"

static struct {
    char name[sizeof(((struct segment_pool *)0)->name)];
    uint32_t open, unlisted;
} pools[SEGMENT_POOLS];

static struct {
    uint16_t pool; /* 1 + its index; 0: none yet */
    uint8_t state, guests;
    uint32_t node;
} workers[SEGMENT_WORKERS];

/* NULL: there is no segment, or no room for it. */
static void *record_at(enum segment_section_id table, uint32_t index, size_t size)
{
    struct segment_header *header = segment_mapped();
    char *record = header ? (char *)segment_table(header, table) + index * size : NULL;
    return record && room_has(record, size) ? record : NULL;
}

static struct segment_pool *pool_record(uint32_t index)
{
    return record_at(SEGMENT_POOL_TABLE, index, sizeof(struct segment_pool));
}

static struct segment_worker *worker_record(uint32_t index)
{
    return record_at(SEGMENT_WORKER_TABLE, index, sizeof(struct segment_worker));
}

static void write_pool(uint32_t index)
{
    struct segment_pool *record = pool_record(index);
    if (!record)
        return;
    for (uint32_t i = 0; i < sizeof(record->name); i++)
        __atomic_store_n(&record->name[i], pools[index].name[i], __ATOMIC_RELAXED);
    __atomic_store_n(&record->open, pools[index].open, __ATOMIC_RELAXED);
    __atomic_store_n(&record->unlisted, pools[index].unlisted, __ATOMIC_RELAXED);
}

static void write_worker(struct segment_worker *record, uint32_t index)
{
    __atomic_store_n(&record->state, workers[index].state, __ATOMIC_RELAXED);
    __atomic_store_n(&record->guests, workers[index].guests, __ATOMIC_RELAXED);
    __atomic_store_n(&record->node, workers[index].node, __ATOMIC_RELAXED);
    __atomic_store_n(&record->pool, workers[index].pool, __ATOMIC_RELEASE);
}

static void update_worker(uint32_t index)
{
    struct segment_worker *record = worker_record(index);
    if (record)
        write_worker(record, index);
}

/* --- pools --- */

static uint32_t find(const char *name)
{
    const size_t most = sizeof(pools[0].name) - 1;
    uint32_t i = 0;
    while (i < SEGMENT_POOLS && *pools[i].name && strncmp(pools[i].name, name, most) != 0)
        i++;
    return i;
}

uint32_t pools_open(const char *name)
{
    int saved = errno;
    uint32_t index = find(name);
    if (index == SEGMENT_POOLS || !*name)
        return 0;
    strncpy(pools[index].name, name, sizeof(pools[index].name) - 1);
    pools[index].open++;
    write_pool(index);
    errno = saved;
    return index + 1;
}

void pools_close(uint32_t pool)
{
    int saved = errno;
    if (!pool || pool > SEGMENT_POOLS || !pools[pool - 1].open)
        return;
    pools[pool - 1].open--;
    write_pool(pool - 1);
    errno = saved;
}

/* --- workers --- */

static bool is_free(uint32_t index, uint32_t pool, uint32_t node, bool guest)
{
    return !workers[index].pool || (workers[index].pool == pool && workers[index].node == node &&
                                    workers[index].guests == guest && workers[index].state == WORKER_GONE);
}

uint32_t pools_enter(uint32_t pool, uint32_t node, bool guest)
{
    int saved = errno;
    uint32_t index = 0;
    if (!pool || pool > SEGMENT_POOLS)
        return 0;
    while (index < SEGMENT_WORKERS && !is_free(index, pool, node, guest))
        index++;
    if (index == SEGMENT_WORKERS) {
        pools[pool - 1].unlisted++;
        write_pool(pool - 1);
        errno = saved;
        return 0;
    }
    workers[index].pool = (uint16_t)pool;
    workers[index].node = node;
    workers[index].guests = guest;
    workers[index].state = WORKER_LIVES;
    update_worker(index);
    errno = saved;
    return index + 1;
}

void pools_leave(uint32_t worker)
{
    int saved = errno;
    if (!worker || worker > SEGMENT_WORKERS)
        return;
    workers[worker - 1].state = WORKER_GONE;
    update_worker(worker - 1);
    errno = saved;
}

struct segment_worker_counts *pools_counts(uint32_t worker)
{
    int saved = errno;
    struct segment_worker *record = worker && worker <= SEGMENT_WORKERS ? worker_record(worker - 1) : NULL;
    if (record && __atomic_load_n(&record->pool, __ATOMIC_RELAXED) != workers[worker - 1].pool) {
        write_pool(workers[worker - 1].pool - 1u); /* another segment */
        write_worker(record, worker - 1);
    }
    errno = saved;
    return record ? &record->counts : NULL;
}
