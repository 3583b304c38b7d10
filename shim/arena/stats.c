#include "shim/arena/stats.h"

#include <string.h>

#include "shim/arena/large.h"
#include "shim/telemetry/arenas.h"

static struct heap_counters count(const struct heap *heap)
{
    struct heap_counters counters = heap->counters;
    counters.bytes += counters.large_slices << SLICE_SHIFT;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        counters.allocations += heap->bins[i].taken;
        counters.bytes += heap->bins[i].taken * class_size(i);
    }
    return counters;
}

static void tell_region(const struct region *region)
{
    telemetry_region(region->number, &(struct segment_region){
                                         .start = (uint64_t)(uintptr_t)page_start(region_page(region, 0)),
                                         .usable = (uint64_t)counter_read(&region->committed) << SLICE_SHIFT,
                                         .in_use = (uint64_t)counter_read(&region->in_use) << SLICE_SHIFT,
                                         .dirty = (uint64_t)counter_read(&region->dirty) << SLICE_SHIFT,
                                         .node = region_home(region),
                                         .heaps = counter_read(&region->heap_count),
                                         .binding = region->flavour.binding,
                                         .bind_reason = region->bind_reason,
                                         .huge_pages = region->flavour.huge_pages,
                                         .huge_reason = region->huge_reason,
                                         .away_slices = counter_read(&region->away),
                                     });
}

static void tell(struct heap *heap, struct heap_counters now)
{
    const struct heap_counters *told = &heap->told;
    if (!memcmp(&now, told, sizeof(now)))
        return;
    telemetry_arena(atomic_load_explicit(&heap->rule, memory_order_relaxed), heap->region->number,
                    &(struct segment_arena){
                        .allocations = now.allocations - told->allocations,
                        .bytes = now.bytes - told->bytes,
                        .remote_frees = now.remote_frees - told->remote_frees,
                        .overflows = now.overflows - told->overflows,
                    });
    heap->told = now;
    tell_region(heap->region);
    if (heap->region->large != heap->region && heap->region->large->opened)
        tell_region(heap->region->large);
}

void stats_tell(struct heap *heap)
{
    if (HEAP_COUNTS)
        tell(heap, count(heap));
}

void stats_tell_growth(struct heap *heap)
{
    struct heap_counters now;
    if (!HEAP_COUNTS)
        return;
    now = count(heap);
    if (now.allocations - heap->told.allocations > heap->told.allocations / 8)
        tell(heap, now);
}

void stats_tell_all(void)
{
    for (uint32_t i = 0; i < region_map.count; i++)
        if (region_list[i].opened)
            for (struct heap *heap = region_list[i].heaps; heap; heap = heap->next_heap)
                stats_tell(heap);
}

/* One head of a page, object or span; returns how many slices it has. */
static uint32_t add_page(const struct page *page, struct arena_totals *totals)
{
    switch (page_kind(page)) {
    case PAGE_SMALL:
        totals->live += (size_t)(page->used - (uint32_t)(atomic_load_explicit(&page->remote, memory_order_relaxed) >>
                                                         REMOTE_COUNT_SHIFT)) *
                        page->block_size;
        break;
    case PAGE_LARGE:
        totals->live += large_size(page);
        totals->large_objects++;
        break;
    default:
        break;
    }
    return page->slices ? page->slices : 1;
}

/* Blocks in bins are the heaps', not the program's. */
static size_t bytes_in_bins(const struct region *region)
{
    size_t bytes = 0;
    for (const struct heap *heap = region->heaps; heap; heap = heap->next_heap)
        for (unsigned i = 0; i < CLASS_COUNT; i++)
            bytes += (size_t)bin_count(&heap->bins[i]) * class_size(i);
    return bytes;
}

bool stats_region(struct region *region, struct arena_totals *ret_totals)
{
    if (!region->opened || !lock_take(&region->lock))
        return false;
    *ret_totals = (struct arena_totals){
        .in_use = (size_t)counter_read(&region->in_use) << SLICE_SHIFT,
        .dirty = (size_t)counter_read(&region->dirty) << SLICE_SHIFT,
        .heaps = counter_read(&region->heap_count),
    };
    for (uint32_t slice = 0; slice < region->frontier;)
        slice += add_page(region_page(region, slice), ret_totals);
    ret_totals->live -= bytes_in_bins(region);
    lock_give(&region->lock);
    return true;
}

void stats_totals(struct arena_totals *ret_totals)
{
    struct arena_totals one;
    *ret_totals = (struct arena_totals){0};
    for (uint32_t i = 0; i < region_map.count; i++) {
        if (!stats_region(&region_list[i], &one))
            continue;
        ret_totals->in_use += one.in_use;
        ret_totals->dirty += one.dirty;
        ret_totals->live += one.live;
        ret_totals->large_objects += one.large_objects;
        ret_totals->heaps += one.heaps;
    }
}
