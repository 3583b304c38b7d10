#include "shim/telemetry/pools.h"

#include <errno.h>

#include "shim/telemetry/named.h"

static struct segment_named own_pools[SEGMENT_POOLS];
static const struct named_list pools = {own_pools, SEGMENT_POOLS, SEGMENT_POOL_TABLE};

static struct {
    uint16_t pool; /* 1 + its index; 0: none yet */
    uint8_t state, guests;
    uint32_t node;
} workers[SEGMENT_WORKERS];

static struct segment_worker *worker_record(uint32_t index)
{
    return named_record(SEGMENT_WORKER_TABLE, index, sizeof(struct segment_worker));
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

uint32_t pools_open(const char *name)
{
    int saved = errno;
    uint32_t number = named_open(&pools, name);
    errno = saved;
    return number;
}

void pools_close(uint32_t pool)
{
    int saved = errno;
    named_close(&pools, pool);
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
    if (!named_is(&pools, pool))
        return 0;
    while (index < SEGMENT_WORKERS && !is_free(index, pool, node, guest))
        index++;
    if (index == SEGMENT_WORKERS) {
        named_unlisted(&pools, pool);
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
        named_write(&pools, workers[worker - 1].pool); /* another segment */
        write_worker(record, worker - 1);
    }
    errno = saved;
    return record ? &record->counts : NULL;
}
