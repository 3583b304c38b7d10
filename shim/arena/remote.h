/*
 * remote: remote frees, small blocks that are freed by a thread that has not borrowed their page's heap.
 *
 * The freeing thread pushes them onto their page, many at once where there are many. The first remote free of a FULL
 * page puts the page on its heap's list of delayed pages, where its owner finds it when it needs blocks. An owner that
 * needs none (it waits, or has ended) never looks. So a thread counts what it frees for others, and when that is much,
 * it collects remote frees on behalf of owners that do not run: it takes pages whose blocks are all free from their
 * heaps, and it collects for parked heaps.
 *
 * "Much" is a part of what the regions concerned have in use. A look at a page costs tens of nanoseconds, and some KiB
 * of freed blocks pay for each, however many pages and heaps there are.
 */
#ifndef NODEWISE_SHIM_ARENA_REMOTE_H
#define NODEWISE_SHIM_ARENA_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"
#include "shim/base/thread.h"

/* first … last: linked blocks of the page, which is another heap's. heap: the caller's own. */
void remote_push(struct heap *heap, struct page *page, void *first, void *last, uint32_t count);
/* One block. heap: NULL when the caller has none. Collects for other owners when that is due. */
void remote_free(struct heap *heap, struct page *page, void *block);

/* Are there remote frees on the page? For the owner. */
static inline bool remote_any(const struct page *page)
{
    return atomic_load_explicit(&page->remote, memory_order_relaxed) & ~REMOTE_ASKS;
}

/* The remote frees become the page's free list, which must be empty: so nothing is walked. For the owner. */
bool remote_collect(struct page *page);

/*
 * How many blocks of the owner's pages the thread has freed since the last call; what it frees meanwhile may be counted
 * twice. For the worker.
 */
uint64_t remote_freed_for(struct thread *thread, const struct heap *owner);

/* The delayed pages, linked by `newer`. The heap's list is empty afterwards, and only the caller has the pages. */
struct page *remote_take_delayed(struct heap *heap);

/*
 * Collects remote frees on behalf of owners that do not run, in the regions whose blocks the caller has freed. Not
 * while the heap's lists are being changed.
 */
void remote_collect_others(struct heap *heap);
/* The same in all regions. */
void remote_collect_everywhere(struct heap *heap);
/* The same in one region, by a thread without a heap; heaps of ended threads are left out. */
void remote_collect_abandoned(struct region *region);

/* Costs a comparison when it is not due. */
static inline void remote_collect_if_due(struct heap *heap)
{
    if (heap->pushed >= heap->pushed_limit)
        remote_collect_others(heap);
}

#endif
