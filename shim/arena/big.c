#include "shim/arena/big.h"

#include "shim/arena/assert.h"
#include "shim/arena/large.h"
#include "shim/base/thread.h"

static _Atomic uint32_t count;

void big_add(struct region *region, struct page *page)
{
    ASSERT(lock_is_mine(&region->lock));
    if ((page->state & STATE_BIG) || page->slices < BIG_SLICES)
        return;
    page->state |= STATE_BIG;
    page->prev = NULL;
    page->next = region->big;
    if (page->next)
        page->next->prev = page;
    region->big = page;
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

void big_remove(struct region *region, struct page *page)
{
    ASSERT(lock_is_mine(&region->lock));
    if (!(page->state & STATE_BIG))
        return;
    page->state &= (uint8_t)~STATE_BIG;
    ASSERT(page->prev ? page->prev->next == page : region->big == page);
    if (page->next)
        page->next->prev = page->prev;
    if (page->prev)
        page->prev->next = page->next;
    else
        region->big = page->next;
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
}

void big_made(struct page *page, uint32_t rule)
{
    atomic_store_explicit(&page->serial, atomic_load_explicit(&page->serial, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&page->maker, thread_maker(), memory_order_relaxed);
    page->rule = thread_short_rule(rule);
}

uint32_t big_list(struct region *region, struct big *ret_objects, uint32_t most)
{
    uint32_t found = 0;
    if (!region->opened || !lock_take(&region->lock))
        return 0;
    for (const struct page *page = region->big; page && found < most; page = page->next)
        if (page_kind(page) == PAGE_LARGE)
            ret_objects[found++] = (struct big){
                .start = (uintptr_t)page_start(page),
                .size = large_size(page),
                .serial = atomic_load_explicit(&page->serial, memory_order_relaxed),
                .region = region->number,
                .maker = page->maker,
                .rule = page->rule,
            };
    lock_give(&region->lock);
    return found;
}

static bool is_same(const struct page *page, const struct big *big)
{
    return page_kind(page) == PAGE_LARGE && (page->state & STATE_BIG) &&
           atomic_load_explicit(&page->serial, memory_order_relaxed) == big->serial && large_size(page) >= big->size;
}

bool big_check(const struct big *big, bool mark)
{
    struct region *region = &region_list[big->region];
    struct page *page = page_of(big->start - region_map.base);
    if (!lock_take(&region->lock))
        return false;
    bool same = is_same(page, big);
    if (same && mark)
        page_set_away(page, true);
    lock_give(&region->lock);
    return same;
}

uint32_t big_count(void)
{
    return atomic_load_explicit(&count, memory_order_relaxed);
}
