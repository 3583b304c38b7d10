#include "shim/memory/owned.h"

#include <errno.h>

#include "shim/arena/lock.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"

static struct {
    struct lock lock;
    _Atomic uint32_t count;
    uint32_t serial;
    struct big mappings[OWNED_MOST];
} table;

void owned_add(void *start, size_t size)
{
    int saved = errno;
    if (lock_take(&table.lock)) {
        if (table.count < OWNED_MOST)
            table.mappings[table.count++] = (struct big){
                .start = (uintptr_t)start,
                .size = size,
                .serial = ++table.serial,
                .region = OWNED_REGION,
                .maker = thread_maker(),
                .rule = thread_short_rule(thread_self ? thread_self->rule : PLAN_NONE),
            };
        lock_give(&table.lock);
    }
    errno = saved;
}

static bool overlaps(const struct big *mapping, uintptr_t start, size_t size)
{
    return start < mapping->start + mapping->size && mapping->start < start + size;
}

/* Lists a part of a known mapping as a mapping of its own. A later owned_check() of the whole fails. */
static void keep_part(const struct big *whole, uintptr_t start, uintptr_t end)
{
    struct big part = *whole;
    if (end < start + BIG_SIZE || table.count == OWNED_MOST)
        return;
    part.start = start;
    part.size = end - start;
    part.serial = ++table.serial;
    table.mappings[table.count++] = part;
}

/* Allocators map more than they need and cut off both ends to get the alignment. */
static void take_out(uint32_t number, uintptr_t start, uintptr_t end)
{
    const struct big whole = table.mappings[number];
    table.mappings[number] = table.mappings[--table.count];
    keep_part(&whole, whole.start, start);
    keep_part(&whole, end, whole.start + whole.size);
}

void owned_remove(const void *start, size_t size)
{
    int saved = errno;
    if (owned_count() == 0 || !lock_take(&table.lock))
        return;
    /*
     * Goes downwards: take_out() fills a removed entry's place with the last one and appends the parts, and the loop
     * has already seen those.
     */
    uint32_t known = table.count;
    while (known-- > 0)
        if (overlaps(&table.mappings[known], (uintptr_t)start, size))
            take_out(known, (uintptr_t)start, (uintptr_t)start + size);
    lock_give(&table.lock);
    errno = saved;
}

static bool is_known(const void *start, size_t size)
{
    bool known = false;
    if (owned_count() == 0 || !lock_take(&table.lock))
        return false;
    for (uint32_t i = 0; i < table.count && !known; i++)
        known = table.mappings[i].start == (uintptr_t)start && table.mappings[i].size == size;
    lock_give(&table.lock);
    return known;
}

void owned_moved(const void *old_start, size_t old_size, void *start, size_t size)
{
    bool known = is_known(old_start, old_size);
    owned_remove(old_start, old_size);
    owned_remove(start, size); /* MREMAP_FIXED replaces mappings at the new address */
    if (known && size >= BIG_SIZE)
        owned_add(start, size);
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

bool owned_check(const struct big *mapping, bool mark)
{
    bool found = false;
    if (!lock_take(&table.lock))
        return false;
    for (uint32_t i = 0; i < table.count && !found; i++) {
        found = table.mappings[i].serial == mapping->serial && table.mappings[i].start == mapping->start;
        table.mappings[i].away = table.mappings[i].away || (found && mark);
    }
    lock_give(&table.lock);
    return found;
}

uint32_t owned_count(void)
{
    return atomic_load_explicit(&table.count, memory_order_relaxed);
}

/* The child has the same mappings. Another thread of the parent may have held the lock during the fork. */
void owned_forked(void)
{
    atomic_store_explicit(&table.lock.word, 0, memory_order_relaxed);
}
