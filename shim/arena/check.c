#include "shim/arena/check.h"

#ifdef NODEWISE_ASSERTIONS

#include "shim/arena/harden.h"
#include "shim/arena/outbox.h"
#include "shim/arena/span.h"

#define HANDLER_MOST 4096u /* blocks that a signal handler may add while a list is walked; more is a circle */

/* --- pages --- */

static uintptr_t remote_of(const struct page *page)
{
    return atomic_load_explicit(&page->remote, memory_order_relaxed);
}

static bool is_block_of(const struct page *page, const void *block)
{
    uintptr_t offset = (uintptr_t)block - (uintptr_t)page_start(page);
    return offset % page->block_size == 0 && offset / page->block_size < page_carved(page);
}

static void check_shape(const struct page *page)
{
    ASSERT(page_kind(page) == PAGE_SMALL);
    ASSERT(page->class_number < CLASS_COUNT);
    ASSERT(page->block_size == class_size(page->class_number));
    ASSERT(page->slices == class_slices(page->class_number));
    ASSERT((size_t)page->capacity * page->block_size <= (size_t)page->slices << SLICE_SHIFT);
    for (uint32_t i = 0; i < page->slices; i++) {
        ASSERT(page[i].back == i);
        ASSERT(i == 0 || page_kind(&page[i]) == PAGE_INTERIOR);
        ASSERT(*class_entry(&page[i]) == (harden_on ? 0 : page->class_number + 1u) ||
               (page->away && !*class_entry(&page[i])));
    }
}

static uint32_t count_free(const struct page *page)
{
    uint32_t count = 0;
    for (const void *block = page->free; block; block = *(void *const *)block) {
        ASSERT(is_block_of(page, block));
        ASSERT(++count <= page_carved(page));
    }
    return count;
}

void page_check(const struct page *page)
{
    uintptr_t remote = remote_of(page);
    check_shape(page);
    ASSERT(page->used <= page_carved(page));
    ASSERT(page_carved(page) <= page->capacity);
    ASSERT(remote >> REMOTE_COUNT_SHIFT <= page->used);
    ASSERT(count_free(page) == page_carved(page) - page->used);
    if (page->state & STATE_FULL)
        ASSERT(!page->free && page_carved(page) == page->capacity);
    if (remote & REMOTE_ASKS)
        ASSERT((page->state & (STATE_FULL | STATE_PENDING)) == STATE_FULL);
}

/* --- heaps --- */

static bool is_in_arenas(const void *pointer)
{
    return (uintptr_t)pointer - region_map.base < region_map.total;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* A heap that was rehomed has blocks of the region that it comes from. */
static void check_blocks(const struct heap *heap, const struct bin *bin)
{
    uint64_t count = bin_count(bin), walked = 0;
    for (const void *block = bin->blocks; block; block = *(void *const *)block) {
        ASSERT(is_in_arenas(block));
        const struct page *page = page_of_block(block);
        ASSERT(page_kind(page) == PAGE_SMALL);
        ASSERT(page->class_number == bin->class_number);
        ASSERT(is_block_of(page, block));
        ASSERT(++walked <= count + HANDLER_MOST);
    }
    if (difference(walked, count) > heap->slack && bin_count(bin) == count)
        ASSERT(assert_may_be_handler()); /* which interrupted an allocation; else the bin has miscounted */
}

static void check_pages(const struct heap *heap, const struct bin *bin)
{
    const struct page *before = NULL;
    for (const struct page *page = bin->first; page; before = page, page = page->next) {
        ASSERT(page->prev == before);
        ASSERT(page->heap == heap);
        ASSERT(page->class_number == bin->class_number);
        ASSERT(!(page->state & STATE_FULL));
        ASSERT(page->used || (page->state & STATE_PENDING));
        page_check(page);
    }
    ASSERT(bin->last == before);
}

static void check_spare(const struct heap *heap, const struct bin *bin)
{
    const struct page *page = bin->spare;
    if (!page)
        return;
    ASSERT(page->heap == heap);
    ASSERT(page->class_number == bin->class_number);
    ASSERT(page->used == 0 && page->state == 0);
    ASSERT(page_region(page) == heap->region->number);
    page_check(page);
}

static void check_empty(const struct heap *heap)
{
    ASSERT(heap->empty_count <= EMPTY_MAX);
    for (uint32_t i = 0; i < heap->empty_count; i++) {
        const struct page *page = heap->empty[i];
        ASSERT(page_kind(page) == PAGE_CACHED);
        ASSERT(page->slices == 1 && !page->heap && *class_entry(page) == 0);
        ASSERT(page_region(page) == heap->region->number);
    }
}

static void check_cached(const struct heap *heap)
{
    if (heap->slack)
        return; /* its borrower may have been taking one of them when the process forked */
    for (uint32_t i = 0; i < CACHED_MAX; i++) {
        const struct page *page = heap->cached[i];
        ASSERT(!page || (page_kind(page) == PAGE_CACHED && !(page->state & STATE_ROOM)));
        ASSERT(!page || page_region(page) == heap->region->number || page_region(page) == heap->region->large->number);
    }
    ASSERT(!heap->room || (page_kind(heap->room) == PAGE_CACHED && (heap->room->state & STATE_ROOM)));
}

static void check_batch(const struct heap *heap, const struct remote_batch *batch)
{
    uintptr_t slice = (uintptr_t)batch->key - 1;
    const char *start = (const char *)(heap->base + (slice << SLICE_SHIFT));
    ASSERT(&heap->outbox[slice % OUTBOX_BATCHES] == batch);
    ASSERT(is_in_arenas(start));
    /* outbox_send_all() says so before it sends them */
    ASSERT(heap->has_batches || heap->slack || assert_may_be_handler());
    ASSERT(batch->count >= 1 && batch->count <= batch->most);
    const struct page *page = page_of_block(start);
    ASSERT(page_kind(page) == PAGE_SMALL);
    const void *block = outbox_block(start, batch->first);
    for (uint32_t i = 1; i < batch->count; i++) {
        ASSERT(is_block_of(page, block));
        ASSERT((uintptr_t)block - (uintptr_t)start < SLICE_SIZE);
        block = *(void *const *)block;
    }
    ASSERT(block == outbox_block(start, batch->last));
}

static void check_identity(const struct heap *heap)
{
    const struct region *region = heap->region;
    const struct page *first = region_page(region, 0);
    ASSERT(region == &region_list[region->number] && region->number < region_map.count);
    ASSERT(heap->base == region_map.base);
    ASSERT(heap->start == (uintptr_t)page_start(first));
    ASSERT(heap_size(heap) == (uintptr_t)1 << region_map.shift || region->lean || region->shortened);
    ASSERT(heap->classes == class_entry(first));
    ASSERT(!heap->owner || heap->owner == __builtin_thread_pointer());
}

void heap_check(const struct heap *heap)
{
    if (heap->busy || heap->sending)
        return; /* the caller is a signal handler inside: the lists are in the middle of something */
    check_identity(heap);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        ASSERT(heap->bins[i].class_number == i);
        check_blocks(heap, &heap->bins[i]);
        check_pages(heap, &heap->bins[i]);
        check_spare(heap, &heap->bins[i]);
    }
    check_empty(heap);
    check_cached(heap);
    for (uint32_t i = 0; i < OUTBOX_BATCHES; i++)
        if (heap->outbox[i].key)
            check_batch(heap, &heap->outbox[i]);
}

/* --- spans --- */

static bool is_free(enum page_kind kind)
{
    return kind == PAGE_DIRTY || kind == PAGE_CLEAN;
}

static void check_extent(const struct region *region, const struct page *page)
{
    uint32_t slice = region_slice(region, page);
    ASSERT(slice < region->frontier);
    ASSERT(page->slices && page->slices <= region->frontier - slice);
    ASSERT(page->back == 0);
}

void span_check_free(const struct region *region, const struct page *page)
{
    check_extent(region, page);
    const struct page *last = page + page->slices - 1;
    ASSERT(is_free(page_kind(page)));
    ASSERT(page_kind(last) == page_kind(page));
    ASSERT(last->back == page->slices - 1);
    ASSERT(*class_entry(page) == 0 && *class_entry(last) == 0);
    if (page_kind(page) == PAGE_CLEAN)
        ASSERT(region_slice(region, page) + page->slices < region->frontier);
}

void span_check_used(const struct region *region, const struct page *page)
{
    check_extent(region, page);
    ASSERT(!is_free(page_kind(page)));
    ASSERT(page_kind(page) != PAGE_UNUSED);
}

/* --- regions --- */

/* Free spans in bins and in the list by age. */
static void check_bins(const struct region *region)
{
    uint32_t dirty = 0, spans = 0;
    for (unsigned set = 0; set < 2; set++)
        for (uint32_t bin = 0; bin < SPAN_BINS; bin++) {
            const struct page *before = NULL;
            for (const struct page *page = region->bins[set][bin]; page; before = page, page = page->next) {
                ASSERT(page->prev == before);
                ASSERT(page_kind(page) == (set ? PAGE_DIRTY : PAGE_CLEAN));
                ASSERT(span_bin(page->slices) == bin);
                span_check_free(region, page);
                dirty += set ? page->slices : 0;
                spans += set;
            }
            ASSERT((region->filled[set][bin / 64] >> bin % 64 & 1) == (region->bins[set][bin] != NULL));
        }
    ASSERT(counter_read(&region->dirty) == dirty);
    const struct page *older = NULL;
    for (const struct page *page = region->oldest; page; older = page, page = page->newer) {
        ASSERT(page->older == older);
        ASSERT(page_kind(page) == PAGE_DIRTY);
        ASSERT(spans--);
    }
    ASSERT(spans == 0);
    ASSERT(region->newest == older);
}

/* What a walk over the region's slices finds. */
struct found {
    uint32_t used, rooms, grown, big;
    uint32_t unsure_slices, unsure; /* taken and not named yet, kept by heaps, or on their way to the kernel */
};

static void add_large(const struct page *page, struct found *found)
{
    const struct page *last = page + page->slices - 1;
    ASSERT(last == page || last->back == page->slices - 1);
    ASSERT(last == page || page_kind(last) == PAGE_INTERIOR ||
           (region_list[page_region(page)].lean && (page->state & STATE_ROOM) && page_kind(last) == PAGE_HOLE));
    ASSERT(*class_entry(page) == 0 && *class_entry(last) == 0);
    found->big += page->state & STATE_BIG ? 1 : 0;
    found->grown += page->state & STATE_GROWN ? 1 : 0;
    if (page->state & STATE_ROOM)
        found->rooms++;
    else
        found->used += page->slices;
}

static void add_used(const struct page *page, struct found *found)
{
    switch (page_kind(page)) {
    case PAGE_LARGE:
        add_large(page, found);
        break;
    case PAGE_INTERIOR:
        found->unsure++;
        found->unsure_slices += page->slices;
        break;
    case PAGE_HOLE:
        break;
    case PAGE_CACHED: /* may have been a page of blocks, whose state was its owner's to write, without the lock */
        found->unsure++;
        if (page->slices == 1) /* no object with room is that short */
            found->used++;
        else
            found->unsure_slices += page->slices;
        break;
    default:
        found->used += page->slices;
    }
}

static struct found walk(const struct region *region)
{
    struct found found = {0};
    enum page_kind before = PAGE_UNUSED;
    for (uint32_t slice = 0; slice < region->frontier;) {
        const struct page *page = region_page(region, slice);
        enum page_kind kind = page_kind(page);
        if (is_free(kind)) {
            ASSERT(kind != before || kind == PAGE_DIRTY); /* equals are merged; dirty ones may differ in age */
            span_check_free(region, page);
        } else {
            span_check_used(region, page);
            add_used(page, &found);
        }
        before = kind;
        slice += page->slices;
    }
    return found;
}

static bool is_between(uint32_t least, uint32_t number, uint32_t more)
{
    return least <= number && number <= least + more;
}

static uint32_t count_big(const struct region *region)
{
    const struct page *before = NULL;
    uint32_t count = 0;
    for (const struct page *page = region->big; page; before = page, page = page->next, count++) {
        ASSERT(page->prev == before);
        ASSERT(page->state & STATE_BIG);
        span_check_used(region, page);
    }
    return count;
}

static void check_heaps(const struct region *region)
{
    uint32_t count = 0, parked = 0;
    const struct heap *last = NULL;
    for (const struct heap *heap = region->heaps; heap; heap = heap->next_heap) {
        ASSERT(is_in_arenas(heap) && page_kind(page_of((uintptr_t)heap - region_map.base)) == PAGE_META);
        ASSERT(heap->region == region);
        ASSERT(++count <= counter_read(&region->heap_count));
    }
    ASSERT(count == counter_read(&region->heap_count));
    for (const struct heap *heap = region->parked; heap; last = heap, heap = heap->next_parked) {
        ASSERT(heap->region == region);
        ASSERT(!heap->owner && !heap->owner_tid);
        ASSERT(++parked <= count);
    }
    ASSERT(parked == region->parked_count);
    ASSERT(region->parked_last == last);
}

void region_check(const struct region *region)
{
    ASSERT(lock_is_mine(&region->lock));
    ASSERT(region->frontier <= counter_read(&region->committed));
    ASSERT(counter_read(&region->committed) <= region->described);
    ASSERT(region->described <= (uint32_t)(((size_t)1 << region_map.shift) >> SLICE_SHIFT));
    ASSERT(region->peak >= counter_read(&region->in_use));
    check_bins(region);
    struct found found = walk(region);
    ASSERT(is_between(found.used, counter_read(&region->in_use), found.unsure_slices));
    ASSERT(is_between(found.rooms, counter_read(&region->rooms), found.unsure));
    ASSERT(is_between(found.grown, counter_read(&region->grown), found.unsure));
    ASSERT(is_between(found.big, count_big(region), found.unsure));
    check_heaps(region);
}

uint32_t region_count_pages(const struct region *region, const struct heap *heap)
{
    uint32_t count = 0;
    for (uint32_t slice = 0; slice < region->frontier; slice += region_page(region, slice)->slices) {
        const struct page *page = region_page(region, slice);
        if (page_kind(page) == PAGE_SMALL && page->heap == heap && !(page->state & STATE_FULL))
            count++;
    }
    return count;
}

uint32_t heap_count_pages(const struct heap *heap)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        count += heap->bins[i].spare ? 1 : 0;
        for (const struct page *page = heap->bins[i].first; page; page = page->next)
            count++;
    }
    return count;
}

void region_check_parked(const struct region *region)
{
    ASSERT(lock_is_mine(&region->lock));
    for (const struct heap *heap = region->parked; heap; heap = heap->next_parked)
        heap_check(heap);
}

#endif
