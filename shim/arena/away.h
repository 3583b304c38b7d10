/*
 * away: memory of the arenas, found by address, that moves to the node of those who use it (worker/by_use.h).
 *
 * Only what is settled can go: a large object, or a page of blocks all of which are given out. It is `away` from then on
 * (moving.h), and its blocks do not circulate any more: a thread of the region's node would get memory of another node.
 * Its slices lose their class, so that each free comes to the slow path, and the block waits on the page until all of
 * them are free; then the memory goes back to the kernel. So that little waits, a page circulates again when others wait
 * with an eighth of what the region has in use.
 *
 * Any thread; takes the region's lock.
 */
#ifndef NODEWISE_SHIM_ARENA_AWAY_H
#define NODEWISE_SHIM_ARENA_AWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"

struct away {
    struct page *page; /* of blocks, or a large object */
    uint32_t rule;     /* of the thread that allocated there, PLAN_NONE: unknown */
    bool blocks;
};

/* Does the address lie in the arenas' reservation? */
static inline bool away_covers(uintptr_t address)
{
    return address - region_map.base < region_map.total;
}

/* What lies at the address of a slice. false: nothing that could move, or not now. */
bool away_find(uintptr_t address, struct away *ret);
/* It counts as away from now on. false: it changed meanwhile. */
bool away_mark(const struct away *away);
/* Is it still in use, and away? Otherwise its addresses may belong to another thread, near to its region's node. */
bool away_check(const struct away *away);

/* For the owner: is the page away in the middle of its own region, so that its free blocks have to wait? */
static inline bool away_waits(const struct heap *heap, const struct page *page)
{
    return atomic_load_explicit(&page->away, memory_order_relaxed) && page_region(page) == heap->region->number &&
           (page->state & STATE_FULL);
}

/*
 * For the owner, of a page that waits and got remote frees: asks for notice of the next one. true: all blocks are free,
 * or too much waits already; the page is to be handled as any other.
 */
bool away_is_over(struct heap *heap, struct page *page);

#endif
