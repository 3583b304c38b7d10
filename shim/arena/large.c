#include "shim/arena/large.h"

#include <string.h>

#include "shim/arena/arena.h"
#include "shim/arena/span.h"
#include "shim/arena/stats.h"

/* The bytes are below PTRDIFF_MAX, a region has less than 2^32 slices. */
static uint32_t slices_of(size_t size)
{
    size_t slices = (size + SLICE_SIZE - 1) >> SLICE_SHIFT;

    return slices ? slices < UINT32_MAX ? (uint32_t)slices : UINT32_MAX : 1;
}

void *large_allocate(struct heap *heap, size_t size, uint32_t alignment, bool *ret_zeroed)
{
    struct region *region = heap->region;
    uint32_t slices = slices_of(size);
    struct page *page;

    if (slices > region->slices || alignment > region->slices || !lock_take(&region->lock))
        return NULL;
    page = span_take(region, slices, alignment, ret_zeroed);
    if (page)
        page->kind = PAGE_LARGE;
    lock_give(&region->lock);
    if (!page)
        return NULL;
    heap->counters.allocations++;
    heap->counters.bytes += (size_t)slices << SLICE_SHIFT;
    return page_start(page);
}

void large_free(struct page *page)
{
    struct region *region = &nw_regions[page_region(page)];

    if (!lock_take(&region->lock))
        return;
    span_give(region, page, page->slices, arena_now_ms());
    lock_give(&region->lock);
}

/* In place: the end is given back, or what follows is taken. */
static bool resize(struct page *page, uint32_t slices)
{
    struct region *region = &nw_regions[page_region(page)];
    bool done = true;

    if (!lock_take(&region->lock))
        return false;
    if (slices < page->slices)
        span_shorten(region, page, slices, arena_now_ms());
    else
        done = span_extend(region, page, slices);
    if (done)
        page->kind = PAGE_LARGE;
    lock_give(&region->lock);
    return done;
}

void *large_reallocate(struct page *page, size_t size)
{
    uint32_t slices = slices_of(size);
    size_t old = large_size(page);
    void *start = page_start(page), *block;

    if (slices == page->slices)
        return start;
    if (size > CLASS_MAX_SIZE && (slices < page->slices || slices - page->slices <= UINT32_MAX / 2) &&
        resize(page, slices))
        return start;
    block = arena_allocate(size);
    if (!block)
        return NULL;
    memcpy(block, start, old < size ? old : size);
    arena_free(start);
    return block;
}
