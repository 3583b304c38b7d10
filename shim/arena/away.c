#include "shim/arena/away.h"

#include <string.h>

#include "policy/plan.h"
#include "shim/arena/large.h"

#define BACK_MOST  16u  /* slices that the head of an object is looked for */
#define WAIT_SHARE 8u   /* one part of what is in use may wait, */
#define WAIT_LEAST 128u /* and so many slices in any case */

/* --- by address --- */

/* The descriptor of an object's later slices may say anything but that it is a head of something in use. */
static struct page *head_of(struct region *region, uint32_t slice)
{
    for (uint32_t back = 0; back <= slice && back < BACK_MOST; back++) {
        struct page *page = region_page(region, slice - back);
        enum page_kind kind = page_kind(page);
        if (kind == PAGE_SMALL || kind == PAGE_LARGE)
            return page->slices > back ? page : NULL;
    }
    return NULL;
}

/* The page is FULL and has no remote frees: its owner has asked for notice of the first. */
static bool is_given_out(const struct page *page)
{
    uintptr_t remote = atomic_load_explicit(&page->remote, memory_order_acquire); /* pairs with the owner's release */
    return remote == REMOTE_ASKS && page_carved(page) == page->capacity;
}

/* Its owner will give out blocks of it at the next call: the first of its bin's list is one. */
static bool is_in_bin(const struct page *page, const struct heap *heap)
{
    const void *const *first = (const void *const *)&heap->bins[page->class_number].blocks;
    uintptr_t block = (uintptr_t)__atomic_load_n(first, __ATOMIC_RELAXED), start = (uintptr_t)page_start(page);
    return block - start < (size_t)page->slices << SLICE_SHIFT;
}

static bool is_settled(const struct page *page)
{
    if (page_kind(page) == PAGE_LARGE)
        return !(page->state & STATE_ROOM);
    const struct heap *heap = atomic_load_explicit(&page->heap, memory_order_relaxed);
    return page_kind(page) == PAGE_SMALL && heap && heap->region == &region_list[page_region(page)] &&
           is_given_out(page) && !is_in_bin(page, heap);
}

static bool region_moves(const struct region *region)
{
    return region->opened && region->flavour.binding != BINDING_BIND && !region_huge_size(region);
}

static uint32_t rule_of(const struct page *page)
{
    if (page_kind(page) == PAGE_LARGE)
        return page->rule == UINT16_MAX ? PLAN_NONE : page->rule;
    const struct heap *heap = atomic_load_explicit(&page->heap, memory_order_relaxed);
    return heap ? atomic_load_explicit(&heap->rule, memory_order_relaxed) : PLAN_NONE;
}

bool away_find(uintptr_t address, struct away *ret)
{
    uintptr_t offset = address - region_map.base;
    struct region *region = &region_list[offset >> region_map.shift];
    bool found = false;
    if (!region_moves(region) || !lock_take(&region->lock))
        return false;
    uint32_t slice = (uint32_t)((offset & (((uintptr_t)1 << region_map.shift) - 1)) >> SLICE_SHIFT);
    struct page *page = slice < region->frontier ? head_of(region, slice) : NULL;
    if (page && is_settled(page)) {
        *ret = (struct away){page, rule_of(page), page_kind(page) == PAGE_SMALL};
        found = true;
    }
    lock_give(&region->lock);
    return found;
}

bool away_mark(const struct away *away)
{
    struct page *page = away->page;
    struct region *region = &region_list[page_region(page)];
    if (!lock_take(&region->lock))
        return false;
    bool same = is_settled(page);
    if (same) {
        page_set_away(page, true);
        if (away->blocks)
            class_set(page, 0);
    }
    lock_give(&region->lock);
    return same;
}

bool away_check(const struct away *away)
{
    struct region *region = &region_list[page_region(away->page)];
    if (!lock_take(&region->lock))
        return false;
    bool same = atomic_load_explicit(&away->page->away, memory_order_relaxed);
    lock_give(&region->lock);
    return same;
}

/* --- blocks that wait --- */

/* Is there room for a page more? It counts from now on, see page_set_away(). */
static bool may_wait(struct page *page)
{
    struct region *region = &region_list[page_region(page)];
    if (page->state & STATE_WAITS)
        return true;
    if (!lock_take(&region->lock))
        return false;
    uint32_t waiting = counter_read(&region->waiting);
    bool room = waiting < WAIT_LEAST || waiting < counter_read(&region->in_use) / WAIT_SHARE;
    if (room) {
        page->state |= STATE_WAITS;
        counter_add(&region->waiting, page->slices);
    }
    lock_give(&region->lock);
    return room;
}

bool away_is_over(struct heap *heap, struct page *page)
{
    uintptr_t word = atomic_load_explicit(&page->remote, memory_order_relaxed);
    ASSERT(heap->busy && page->heap == heap);
    if (word >> REMOTE_COUNT_SHIFT == page->capacity || !may_wait(page))
        return true;
    /* release: as in ask(). The last free block may have come just before: then no other thread tells of it */
    word = atomic_fetch_or_explicit(&page->remote, REMOTE_ASKS, memory_order_release);
    return word >> REMOTE_COUNT_SHIFT == page->capacity;
}
