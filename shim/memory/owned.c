#include "shim/memory/owned.h"

#include <errno.h>

#include "shim/arena/lock.h"
#include "shim/place/thread.h"
#include "shim/state.h"

static struct {
    struct lock lock;
    _Atomic uint32_t count;
    uint32_t serial;
    struct big mappings[OWNED_MOST];
} table;

void owned_add(void *start, size_t size)
{
    uint32_t rule = nw_self ? nw_self->rule : PLAN_NONE;
    int saved = errno;

    if (lock_take(&table.lock)) {
        if (table.count < OWNED_MOST)
            table.mappings[table.count++] = (struct big){
                .start = (uintptr_t)start,
                .size = size,
                .serial = ++table.serial,
                .region = OWNED_REGION,
                .maker = nw_self ? atomic_load_explicit(&nw_self->tid, memory_order_relaxed) : 0,
                .rule = rule < UINT16_MAX ? (uint16_t)rule : UINT16_MAX,
            };
        lock_give(&table.lock);
    }
    errno = saved;
}

static bool overlaps(const struct big *mapping, uintptr_t start, size_t size)
{
    return start < mapping->start + mapping->size && mapping->start < start + size;
}

void owned_remove(const void *start, size_t size)
{
    int saved = errno;

    if (owned_count() == 0 || !lock_take(&table.lock))
        return;
    for (uint32_t i = 0; i < table.count;)
        if (overlaps(&table.mappings[i], (uintptr_t)start, size))
            table.mappings[i] = table.mappings[--table.count];
        else
            i++;
    lock_give(&table.lock);
    errno = saved;
}

uint32_t owned_list(struct big *ret_mappings, uint32_t most, uint32_t tid)
{
    uint32_t found = 0;

    if (owned_count() == 0 || !lock_take(&table.lock))
        return 0;
    for (uint32_t i = 0; i < table.count && found < most; i++)
        if (!tid || table.mappings[i].maker == tid)
            ret_mappings[found++] = table.mappings[i];
    lock_give(&table.lock);
    return found;
}

bool owned_check(const struct big *mapping)
{
    bool found = false;

    if (!lock_take(&table.lock))
        return false;
    for (uint32_t i = 0; i < table.count && !found; i++)
        found = table.mappings[i].serial == mapping->serial && table.mappings[i].start == mapping->start;
    lock_give(&table.lock);
    return found;
}

uint32_t owned_count(void)
{
    return atomic_load_explicit(&table.count, memory_order_relaxed);
}

/* The mappings are the child's as well; another thread may have been at the table. */
void owned_forked(void)
{
    atomic_store_explicit(&table.lock.word, 0, memory_order_relaxed);
}
