#include "shim/arena/moving.h"

#include "policy/plan.h"
#include "shim/arena/large.h"

static bool is_of(const struct page *page, const struct owner *owner)
{
    /* the acquire of the kind comes first: a page in use has the heap, or the maker, that use it (small.c, large.c) */
    if (page_kind(page) == PAGE_SMALL)
        return owner->heap && atomic_load_explicit(&page->heap, memory_order_relaxed) == owner->heap;
    return page_kind(page) == PAGE_LARGE && owner->tid &&
           atomic_load_explicit(&page->maker, memory_order_relaxed) == owner->tid;
}

/* Without the lock any moment's values will do, even of different moments: see the header. */
static size_t size_of(const struct page *page)
{
    if (page_kind(page) == PAGE_SMALL)
        return (size_t)page_carved(page) * __atomic_load_n(&page->block_size, __ATOMIC_RELAXED);
    bool room = __atomic_load_n(&page->state, __ATOMIC_RELAXED) & STATE_ROOM;
    return (size_t)__atomic_load_n(room ? &page->used : &page->slices, __ATOMIC_RELAXED) << SLICE_SHIFT;
}

/* The lock, because the region grows and shrinks at its end. */
uint32_t moving_end(struct region *region)
{
    uint32_t frontier = 0;
    if (region->opened && lock_take(&region->lock)) {
        frontier = region->frontier;
        lock_give(&region->lock);
    }
    return frontier;
}

static struct stretch stretch_of(const struct page *page, struct owner owner)
{
    return (struct stretch){.start = (uintptr_t)page_start(page),
                            .size = size_of(page),
                            .region = page_region(page),
                            .serial = atomic_load_explicit(&page->serial, memory_order_relaxed),
                            .away = atomic_load_explicit(&page->away, memory_order_relaxed),
                            .owner = owner};
}

bool moving_next(struct region *region, uint32_t *slice, const struct owner *owner, struct stretch *ret_stretch)
{
    uint32_t end = moving_end(region);
    for (; *slice < end; (*slice)++) {
        const struct page *page = region_page(region, *slice);
        if (!is_of(page, owner))
            continue;
        *ret_stretch = stretch_of(page, *owner);
        (*slice)++;
        return true;
    }
    return false;
}

static struct owner owner_of(const struct page *page, uint32_t *ret_rule)
{
    if (page_kind(page) == PAGE_SMALL) {
        const struct heap *heap = atomic_load_explicit(&page->heap, memory_order_relaxed);
        *ret_rule = heap ? atomic_load_explicit(&heap->rule, memory_order_relaxed) : PLAN_NONE;
        return (struct owner){heap, 0};
    }
    uint16_t rule = __atomic_load_n(&page->rule, __ATOMIC_RELAXED);
    *ret_rule = rule == UINT16_MAX ? PLAN_NONE : rule;
    return (struct owner){NULL, atomic_load_explicit(&page->maker, memory_order_relaxed)};
}

bool moving_any(const struct region *region, uint32_t *slice, uint32_t end, struct stretch *ret_stretch,
                uint32_t *ret_rule)
{
    for (; *slice < end; (*slice)++) {
        const struct page *page = region_page(region, *slice);
        if (page_kind(page) != PAGE_SMALL && page_kind(page) != PAGE_LARGE)
            continue;
        *ret_stretch = stretch_of(page, owner_of(page, ret_rule));
        *slice += ret_stretch->size > SLICE_SIZE ? (uint32_t)(ret_stretch->size >> SLICE_SHIFT) : 1;
        return true;
    }
    return false;
}

static struct page *page_at(const struct stretch *stretch)
{
    return page_of(stretch->start - region_map.base);
}

static bool is_same(const struct stretch *stretch)
{
    const struct page *page = page_at(stretch);
    if (!is_of(page, &stretch->owner))
        return false;
    if (page_kind(page) == PAGE_SMALL)
        return true;
    return atomic_load_explicit(&page->serial, memory_order_relaxed) == stretch->serial &&
           stretch->size <= size_of(page);
}

bool moving_mark(const struct stretch *stretch, uint32_t node)
{
    struct region *region = &region_list[stretch->region];
    if (!lock_take(&region->lock))
        return false;
    bool same = is_same(stretch);
    if (same)
        page_set_away(page_at(stretch), node != region->node);
    lock_give(&region->lock);
    return same;
}

bool moving_check(const struct stretch *stretch)
{
    struct region *region = &region_list[stretch->region];
    if (!lock_take(&region->lock))
        return false;
    bool same = is_same(stretch);
    lock_give(&region->lock);
    return same;
}
