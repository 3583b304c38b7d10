#include "shim/arena/parked.h"

#include "shim/arena/check.h"
#include "shim/arena/span.h"
#include "shim/arena/stats.h"

#define SEARCH_LIMIT 16u /* heaps that are looked at for one of the same core */

static void append(struct region *region, struct heap *heap)
{
    ASSERT(lock_is_mine(&region->lock) && !heap->owner && heap->region == region);
    counter_add(&region->held_kib, heap->held_kib);
    heap->next_parked = NULL;
    if (region->parked_last)
        region->parked_last->next_parked = heap;
    else
        region->parked = heap;
    region->parked_last = heap;
    region->parked_count++;
}

void parked_add(struct region *region, struct heap *heap)
{
    ASSERT(lock_is_mine(&region->lock) && !heap->owner && heap->region == region);
    counter_add(&region->held_kib, heap->held_kib);
    heap->next_parked = region->parked;
    region->parked = heap;
    if (!region->parked_last)
        region->parked_last = heap;
    region->parked_count++;
}

/* before: NULL for the first one. */
static struct heap *take_behind(struct region *region, struct heap *before)
{
    struct heap *heap = before ? before->next_parked : region->parked;
    ASSERT(lock_is_mine(&region->lock));
    ASSERT(!heap == !region->parked_count || before);
    if (!heap)
        return NULL;
    if (before)
        before->next_parked = heap->next_parked;
    else
        region->parked = heap->next_parked;
    if (region->parked_last == heap)
        region->parked_last = before;
    region->parked_count--;
    counter_subtract(&region->held_kib, heap->held_kib);
    return heap;
}

struct heap *parked_take(struct region *region, uint32_t core)
{
    struct heap *heap = region->parked, *before = NULL;
    for (uint32_t i = 0; heap && i < SEARCH_LIMIT; i++) {
        if (heap->last_core == core)
            return take_behind(region, before);
        before = heap;
        heap = heap->next_parked;
    }
    return take_behind(region, NULL);
}

static uint32_t count_of(struct region *region)
{
    if (!region->opened || !lock_take(&region->lock))
        return 0;
    uint32_t count = region->parked_count;
    lock_give(&region->lock);
    return count;
}

/* One by one, from the front to the end: threads that borrow a heap meanwhile find the others. */
static bool collect_first(struct region *region, uint32_t now, uint32_t age_ms, uint32_t *done)
{
    if (!lock_take(&region->lock))
        return false;
    struct heap *heap = take_behind(region, NULL);
    if (heap)
        heap->owner = __builtin_thread_pointer(); /* a child that is forked now parks it, or loses it if it is busy */
    lock_give(&region->lock);
    if (!heap)
        return false;
    bool trims = now - heap->parked_at >= age_ms;
    if (trims) {
        heap_trim(heap);
        stats_tell(heap);
        heap_check(heap);
    }
    if (!lock_take(&region->lock))
        return false; /* a signal handler inside the lock: the heap is lost */
    *done += trims && heap->held_kib;
    heap->held_kib = trims ? 0 : heap->held_kib;
    heap->owner = NULL;
    append(region, heap);
    lock_give(&region->lock);
    return true;
}

void parked_collect(struct region *region)
{
    parked_collect_idle(region, arena_now_ms(), 0);
}

uint32_t parked_collect_idle(struct region *region, uint32_t now, uint32_t age_ms)
{
    uint32_t done = 0;
    for (uint32_t left = count_of(region); left && collect_first(region, now, age_ms, &done); left--)
        ;
    return done;
}

bool region_trim(struct region *region)
{
    parked_collect(region);
    if (!region->opened || !lock_take(&region->lock))
        return false;
    uint32_t purged = span_purge(region, arena_now_ms(), 0);
    region_check(region);
    lock_give(&region->lock);
    return purged > 0;
}
