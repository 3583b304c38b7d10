/*
 * remote: small blocks that are freed by a thread that has not borrowed their page's heap.
 *
 * They are pushed onto their page, many at once where many come. A page that is FULL is put on its heap's list of
 * delayed pages by the first of them, so that its owner finds it when it needs blocks. An owner that needs none (it
 * waits, or has ended) never looks. So a thread counts what it frees for others, and when that is much, it looks in
 * their place: pages whose blocks have all come back are taken from their heaps, and parked heaps are collected.
 *
 * "Much" is a part of what the regions concerned have in use: looking at a page costs tens of nanoseconds, and each is
 * paid for by some KiB of freed blocks, however many pages and heaps there are.
 */
#ifndef NODEWISE_SHIM_ARENA_REMOTE_H
#define NODEWISE_SHIM_ARENA_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"

/* first … last: linked blocks of the page, which is another heap's. heap: the caller's own. */
void remote_push(struct heap *heap, struct page *page, void *first, void *last, uint32_t count);
/* One block. heap: NULL when the caller has none. Looks whether others' pages should be collected. */
void remote_free(struct heap *heap, struct page *page, void *block);

/* Has anything come back? The owner's. */
static inline bool remote_any(const struct page *page)
{
    return atomic_load_explicit(&page->remote, memory_order_relaxed) & ~REMOTE_ASKS;
}

/* What has come back becomes the page's free list, which must be empty: so nothing has to be walked. The owner's. */
bool remote_collect(struct page *page);

/* The delayed pages, linked by `newer`; the heap's list is empty then. They are the caller's to look at. */
struct page *remote_take_delayed(struct heap *heap);

/*
 * The caller has freed so much for others that it is time to look in their place, in the regions concerned. Not inside
 * the heap's lists.
 */
void remote_collect_others(struct heap *heap);
/* The same in all regions, whatever was freed. */
void remote_collect_everywhere(struct heap *heap);

/* Costs a comparison when it is not time. */
static inline void remote_collect_if_due(struct heap *heap)
{
    if (heap->pushed >= heap->pushed_limit)
        remote_collect_others(heap);
}

#endif
