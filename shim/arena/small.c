#include "shim/arena/small.h"

#include <string.h>

#include "shim/arena/away.h"
#include "shim/arena/check.h"
#include "shim/arena/harden.h"
#include "shim/arena/idle.h"
#include "shim/arena/large.h"
#include "shim/arena/remote.h"
#include "shim/arena/span.h"

#define CARVE_BYTES 4096u /* made into blocks at a time: memory that the program does not use yet stays untouched */
#define CARVE_LEAST 4u    /* blocks of up to a few pages: their first pages will be used soon */
#define CARVE_ALONE 8192u /* blocks that are larger are made one by one */
#define BIN_BYTES   (128u << 10)
#define BIN_LEAST   16u
#define BIN_MOST    1024u
#define BIN_SHORT   128u /* of a thread that only frees */
#define BIN_SHALLOW 4u   /* of one that frees the last blocks of many pages: */
#define LAST_PART   16u  /* less than this part of them is in use */

uint32_t small_bin_limit(unsigned class_number)
{
    uint32_t blocks = BIN_BYTES / class_size(class_number);
    return blocks < BIN_LEAST ? BIN_LEAST : blocks > BIN_MOST ? BIN_MOST : blocks;
}

/* Of a thread that only frees. */
static uint32_t short_limit(const struct bin *bin)
{
    uint32_t usual = small_bin_limit(bin->class_number);
    return usual < BIN_SHORT ? usual : BIN_SHORT;
}

static struct bin *bin_of_page(const struct page *page)
{
    return &page->heap->bins[page->class_number];
}

/* --- the pages of a bin --- */

static void list_append(struct bin *bin, struct page *page)
{
    ASSERT(page->heap->busy && &page->heap->bins[page->class_number] == bin);
    page->next = NULL;
    page->prev = bin->last;
    if (bin->last)
        bin->last->next = page;
    else
        bin->first = page;
    bin->last = page;
}

static void list_remove(struct bin *bin, struct page *page)
{
    ASSERT(page->heap->busy && &page->heap->bins[page->class_number] == bin);
    ASSERT((page->next ? page->next->prev : bin->last) == page);
    ASSERT((page->prev ? page->prev->next : bin->first) == page);
    if (page->next)
        page->next->prev = page->prev;
    else
        bin->last = page->prev;
    if (page->prev)
        page->prev->next = page->next;
    else
        bin->first = page->next;
}

/* --- full pages --- */

/* Asks for notice of the next remote free. false: there are remote frees already. */
static bool ask(struct page *page)
{
    uintptr_t none = 0;
    return (page->state & STATE_PENDING) ||
           /* release: pairs with the acquire in remote.c's push() */
           atomic_compare_exchange_strong_explicit(&page->remote, &none, REMOTE_ASKS, memory_order_release,
                                                   memory_order_relaxed);
}

static void no_longer_full(struct page *page)
{
    page->state &= (uint8_t)~STATE_FULL;
    list_append(bin_of_page(page), page);
}

/* A block of a full page returns from the owner's bin. */
static void unfull(struct page *page)
{
    uintptr_t old = atomic_fetch_and_explicit(&page->remote, ~REMOTE_ASKS, memory_order_relaxed);
    if (!(page->state & STATE_PENDING) && !(old & REMOTE_ASKS))
        page->state |= STATE_PENDING;
    no_longer_full(page);
}

/* --- pages come and go --- */

/* Under one lock: threads that end together would stand in line for each page. */
static void give_pages(struct region *region, struct page *const *pages, uint32_t count)
{
    if (!count || !lock_take(&region->lock))
        return; /* a signal handler inside the lock: these pages are lost to the region */
    uint32_t now = arena_now_ms();
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(page_region(pages[i]) == region->number && page_kind(pages[i]) == PAGE_CACHED);
        if (page_set_away(pages[i], false))
            span_give_away(region, pages[i], pages[i]->slices, now);
        else
            span_give(region, pages[i], pages[i]->slices, now);
    }
    lock_give(&region->lock);
}

static void give_empty(struct heap *heap)
{
    ASSERT(heap->busy);
    give_pages(heap->region, heap->empty, heap->empty_count);
    heap->empty_count = 0;
}

/* Not from before the heap was rehomed, nor moved to its users: only such a page can be used again as it is. */
static bool is_at_home(const struct heap *heap, const struct page *page)
{
    return page_region(page) == heap->region->number && !atomic_load_explicit(&page->away, memory_order_relaxed);
}

static void no_longer_of_a_heap(struct page *page)
{
    ASSERT(page_kind(page) == PAGE_SMALL);
    class_set(page, 0);
    page->heap = NULL;
    page_set_kind(page, PAGE_CACHED);
}

void small_give_up(struct page *const *pages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        no_longer_of_a_heap(pages[i]);
    give_pages(&region_list[page_region(pages[0])], pages, count);
}

static void release(struct heap *heap, struct page *page)
{
    ASSERT(heap->busy && page->heap == heap && page->used == 0);
    page_check(page);
    no_longer_of_a_heap(page);
    if (page->slices > 1 || !is_at_home(heap, page)) {
        give_pages(&region_list[page_region(page)], &page, 1);
        return;
    }
    if (heap->empty_count == EMPTY_MAX)
        give_empty(heap);
    heap->empty[heap->empty_count++] = page;
}

static void page_emptied(struct heap *heap, struct page *page)
{
    struct bin *bin = bin_of_page(page);
    if (page->state & STATE_PENDING)
        return; /* take_one_delayed() will find it */
    list_remove(bin, page);
    if (!bin->spare && bin->limit >= short_limit(bin) && is_at_home(heap, page))
        bin->spare = page;
    else
        release(heap, page);
}

static void init_page(struct heap *heap, struct page *page, unsigned class_number, bool zeroed)
{
    uint32_t size = class_size(class_number), slices = class_slices(class_number);
    page->free = NULL;
    page->used = 0;
    page->block_size = size;
    page->class_number = (uint8_t)class_number;
    page->state = 0;
    page->zeroed = zeroed;
    page_set_carved(page, 0);
    page->capacity = (uint16_t)(((size_t)slices << SLICE_SHIFT) / size);
    page->heap = heap;
    atomic_store_explicit(&page->remote, 0, memory_order_relaxed);
    for (uint32_t i = 1; i < slices; i++) {
        page[i].back = i;
        page_set_kind(&page[i], PAGE_INTERIOR);
    }
    page_set_kind(page, PAGE_SMALL);
    class_set(page, harden_on ? 0 : (uint8_t)(class_number + 1));
}

static struct page *new_page(struct heap *heap, unsigned class_number)
{
    struct region *region = heap->region;
    struct page *page = NULL;
    bool zeroed = false;
    if (heap->empty_count && class_slices(class_number) == 1) {
        page = heap->empty[--heap->empty_count];
    } else if (lock_take(&region->lock)) {
        page = span_take(region, class_slices(class_number), 1, &zeroed);
        lock_give(&region->lock);
    }
    if (!page)
        return NULL;
    init_page(heap, page, class_number, zeroed);
    page_check(page);
    return page;
}

static uint32_t carve_count(uint32_t size)
{
    if (size > CARVE_ALONE)
        return 1;
    return size > CARVE_BYTES / CARVE_LEAST ? CARVE_LEAST : CARVE_BYTES / size;
}

/* Makes the next blocks of the page; its free list must be empty. */
static bool carve(struct page *page)
{
    uint32_t left = (uint32_t)(page->capacity - page_carved(page));
    uint32_t count = carve_count(page->block_size);
    char *block = (char *)page_start(page) + (size_t)page_carved(page) * page->block_size;
    ASSERT(!page->free);
    if (!left)
        return false;
    if (count > left)
        count = left;
    page_set_carved(page, page_carved(page) + count);
    page->free = block;
    for (; --count; block += page->block_size)
        *(void **)block = block + page->block_size;
    *(void **)block = NULL;
    return true;
}

/* --- delayed pages --- */

static void take_one_delayed(struct heap *heap, struct page *page)
{
    ASSERT(page->heap == heap && (page->state & (STATE_FULL | STATE_PENDING)));
    page->state &= (uint8_t)~STATE_PENDING;
    if (away_waits(heap, page) && remote_any(page) && !away_is_over(heap, page))
        return;
    if (page->state & STATE_FULL) {
        if (!remote_collect(page)) {
            if (ask(page))
                return;
            remote_collect(page);
        }
        no_longer_full(page);
    }
    if (page->used == 0)
        page_emptied(heap, page);
}

static void take_delayed(struct heap *heap)
{
    for (struct page *page = remote_take_delayed(heap), *next; page; page = next) {
        next = page->newer;
        take_one_delayed(heap, page);
    }
}

/* --- filling a bin --- */

/* All free blocks of the page; the bin must be empty. */
static void take_blocks(struct bin *bin, struct page *page)
{
    uint32_t count = page_carved(page) - page->used;
    uint32_t limit = small_bin_limit(bin->class_number);
    bin_begin_with(bin, page->free);
    bin->put += count;
    page->free = NULL;
    page->used = page_carved(page);
    /* half the usual amount more than it begins with: what was just taken must not go back at the next free */
    bin->limit = count + limit / 2 > limit ? count + limit / 2 : limit;
    bin_count_anew(bin);
}

/* The page has nothing left to give: out of the list, unless there are remote frees meanwhile. */
static void put_aside(struct bin *bin, struct page *page)
{
    list_remove(bin, page);
    page->state |= STATE_FULL; /* before another thread can see ASKS */
    if (!ask(page))
        no_longer_full(page);
    page_check(page);
}

static bool needs_carving(const struct page *page)
{
    return !page->free && !remote_any(page);
}

/* *ret_fresh: the blocks were never given out, and read as zero but for their links. */
static bool fill_from(struct bin *bin, struct page *page, bool *ret_fresh)
{
    bool any = page->free || remote_collect(page);
    *ret_fresh = !any && page->zeroed;
    if (!any)
        any = carve(page);
    if (any)
        take_blocks(bin, page);
    if (page_carved(page) == page->capacity)
        put_aside(bin, page);
    return any;
}

/* Used memory first: a page that would have to be carved waits behind those that have free blocks. */
static struct page *next_in_list(struct bin *bin)
{
    struct page *page = bin->first;
    if (!page || page == bin->last || !needs_carving(page))
        return page;
    list_remove(bin, page);
    list_append(bin, page);
    return bin->first;
}

static bool fill(struct heap *heap, struct bin *bin, bool *ret_fresh)
{
    struct page *page;
    heap_count_time(heap);
    take_delayed(heap);
    while ((page = next_in_list(bin)))
        if (fill_from(bin, page, ret_fresh))
            return true;
    page = bin->spare;
    bin->spare = NULL;
    if (!page)
        page = new_page(heap, bin->class_number);
    if (!page)
        return false;
    list_append(bin, page);
    return fill_from(bin, page, ret_fresh);
}

void *small_allocate(struct heap *heap, unsigned class_number, bool *ret_zeroed)
{
    struct bin *bin = &heap->bins[class_number];
    bool fresh = false;
    if (!bin->blocks) {
        if (heap->busy)
            return NULL; /* a signal handler inside this heap: the C library's allocator serves it */
        heap->busy = true;
        bool filled = fill(heap, bin, &fresh);
        heap->busy = false;
        if (!filled)
            return NULL;
    }
    void *block = bin->blocks;
    /* blocks of this size are carved singly, so there is no link in it */
    *ret_zeroed = fresh && class_size(class_number) > CARVE_ALONE;
    bin_begin_with(bin, *(void **)block);
    bin->taken++;
    return block;
}

/* --- blocks go back to their pages --- */

/* Blocks in a row that belong to a page of another heap. */
struct chain {
    struct page *page; /* NULL: empty */
    void *first, *last;
    uint32_t count;
};

static void chain_end(struct heap *heap, struct chain *chain)
{
    if (chain->page)
        remote_push(heap, chain->page, chain->first, chain->last, chain->count);
    chain->page = NULL;
}

static void chain_add(struct heap *heap, struct chain *chain, struct page *page, void *block)
{
    if (chain->page != page) {
        chain_end(heap, chain);
        *chain = (struct chain){page, block, block, 1};
        return;
    }
    *(void **)chain->last = block;
    chain->last = block;
    chain->count++;
}

static void give_back_own(struct heap *heap, struct page *page, void *block)
{
    if (page->used == 0)
        harden_die_double_free();
    *(void **)block = page->free;
    page->free = block;
    page->used--;
    if (page->used * LAST_PART < page->capacity)
        heap->last_blocks++;
    if (page->state & STATE_FULL)
        unfull(page);
    if (page->used == 0)
        page_emptied(heap, page);
}

/* The bin's list is put back; a signal handler may have freed blocks into the empty bin meanwhile. */
static void put_back(struct bin *bin, void *blocks, uint64_t count)
{
    void *meanwhile = bin->blocks, *next;
    bin_begin_with(bin, blocks);
    bin->put += count;
    for (; meanwhile; meanwhile = next) {
        next = *(void **)meanwhile;
        *(void **)meanwhile = bin->blocks;
        bin_begin_with(bin, meanwhile);
    }
}

/* Gives blocks to their pages until `keep` are left, beginning with those freed last, which are still in the cache. The
 * bin is empty meanwhile, so that a signal handler finds it in order. */
static void flush(struct heap *heap, struct bin *bin, uint32_t keep)
{
    struct chain chain = {0};
    uint64_t count = bin_count(bin);
    void *block = bin->blocks, *next;
    bool busy = heap->busy;
    heap->busy = true;
    bin_begin_with(bin, NULL);
    bin->put -= count;
    for (; block && count > keep; count--, block = next) {
        struct page *page = page_of_block(block);
        next = *(void **)block;
        if (page->heap == heap)
            give_back_own(heap, page, block);
        else
            chain_add(heap, &chain, page, block);
    }
    chain_end(heap, &chain);
    put_back(bin, block, block ? count : 0);
    bin_count_anew(bin);
    heap->busy = busy;
}

/*
 * A thread that only frees needs no blocks in its bin: what it gives back should still be in the cache, so the bin
 * becomes shorter each time. One that allocates, too, gets the usual limit again when it takes blocks from a page, or
 * here.
 */
static bool only_frees(const struct bin *bin)
{
    return bin->lent > bin_least_budget(bin); /* else the budget would have been counted anew before */
}

static uint32_t next_limit(const struct bin *bin)
{
    uint32_t least = short_limit(bin);
    if (!only_frees(bin))
        return small_bin_limit(bin->class_number);
    if (bin->limit < least)
        return bin->limit;
    return bin->limit / 2 > least ? bin->limit / 2 : least;
}

/*
 * Blocks that were freed in any order are the last ones of as many pages in the end, and each that stays in the bin keeps
 * a page. So the bin becomes shallow where most that it gave back were such blocks, and deeper again where they were not.
 */
static uint32_t limit_by_pages(const struct bin *bin, uint64_t given, uint32_t last_blocks)
{
    uint32_t least = short_limit(bin);
    if ((uint64_t)last_blocks * 2 > given)
        return bin->limit / 2 > BIN_SHALLOW ? bin->limit / 2 : BIN_SHALLOW;
    if (bin->limit >= least)
        return bin->limit;
    return bin->limit * 2 < least ? bin->limit * 2 : least;
}

/* Half of the limit stays, so that the next look comes no sooner than so many frees later. */
static void flush_part(struct heap *heap, struct bin *bin)
{
    bool frees = only_frees(bin);
    uint32_t limit = next_limit(bin);
    do {
        uint64_t before = bin_count(bin);
        uint32_t last_blocks = heap->last_blocks;
        bin->limit = limit;
        flush(heap, bin, limit / 2);
        if (frees)
            limit = limit_by_pages(bin, before - bin_count(bin), heap->last_blocks - last_blocks);
    } while (limit < bin->limit);
    bin->limit = limit;
    bin_count_anew(bin);
}

void small_look(struct bin *bin)
{
    /* a signal handler inside this heap leaves the bin too full until the next time */
    if (bin_count(bin) > bin->limit && !heap_self->busy) {
        flush_part(heap_self, bin);
        remote_collect_if_due(heap_self);
        idle_note(heap_self->region);
    } else {
        bin_count_anew(bin);
    }
}

void small_free_own(struct bin *bin, void *block)
{
    *(void **)block = bin->blocks;
    bin_begin_with(bin, block);
    if (!--bin->budget)
        small_look(bin);
}

/* --- giving back --- */

uint32_t small_held_kib(const struct heap *heap)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        bytes += bin_count(&heap->bins[i]) * class_size(i);
    return (uint32_t)(bytes >> 10);
}

void small_release_spares(struct heap *heap)
{
    bool busy = heap->busy;
    heap->busy = true;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct page *page = heap->bins[i].spare;
        heap->bins[i].spare = NULL;
        if (page)
            release(heap, page);
    }
    give_empty(heap);
    heap->busy = busy;
}

void small_seal(struct heap *heap)
{
    small_release_spares(heap);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        for (struct page *page = heap->bins[i].first; page; page = page->next)
            page->capacity = (uint16_t)page_carved(page);
}

/* Collects remote frees also when the free list is not empty: they go in front. */
static void collect_behind(struct page *page)
{
    void *before = page->free, **link = &page->free;
    if (!remote_collect(page) || !before)
        return;
    while (*link)
        link = *link;
    *link = before;
}

static void collect_all(struct heap *heap, struct bin *bin)
{
    for (struct page *page = bin->first, *next; page; page = next) {
        next = page->next;
        collect_behind(page);
        if (page->used == 0)
            page_emptied(heap, page);
    }
}

void small_release_empty(struct heap *heap)
{
    heap->busy = true;
    take_delayed(heap);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        flush(heap, &heap->bins[i], 0);
        collect_all(heap, &heap->bins[i]);
    }
    small_release_spares(heap);
    heap->busy = false;
}
