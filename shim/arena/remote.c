#include "shim/arena/remote.h"

#include <string.h>

#include "shim/arena/check.h"
#include "shim/arena/harden.h"
#include "shim/arena/parked.h"
#include "shim/arena/small.h"
#include "shim/telemetry/arenas.h"

#define PART     8u /* of what is in use: a thread frees that much before it collects for others again */
#define PER_HEAP ((uint64_t)64 << 10) /* and so many bytes more for each heap that it visits */
#define LISTS    64u                  /* heaps whose lists it takes under one lock */
#define PAGES    32u                  /* that it gives back under one lock */

/* --- freeing --- */

static void add_delayed(struct heap *heap, struct page *page)
{
    struct page *next = atomic_load_explicit(&heap->delayed, memory_order_relaxed);
    do
        page->newer = next;
    while (!atomic_compare_exchange_weak_explicit(&heap->delayed, &next, page, memory_order_release,
                                                  memory_order_relaxed));
}

static void push(struct page *page, void *first, void *last, uint32_t count)
{
    uintptr_t old = atomic_load_explicit(&page->remote, memory_order_relaxed), changed;
    ASSERT(count && page_kind(page) == PAGE_SMALL);
    do {
        *(uintptr_t *)last = old & (REMOTE_ONE - 1) & ~REMOTE_ASKS;
        changed = (uintptr_t)first | ((old & ~(REMOTE_ONE - 1)) + count * REMOTE_ONE);
        /* release: the owner's acquire sees the links that were written into the blocks;
         * acquire: the owner that set ASKS is done with `newer`, and this thread may write it */
    } while (!atomic_compare_exchange_weak_explicit(&page->remote, &old, changed, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (old & REMOTE_ASKS)
        add_delayed(page->heap, page); /* the page keeps this heap until its owner has seen it on the list */
}

static struct freed_for *freed_for(struct thread *thread, const struct heap *owner)
{
    uintptr_t number = (uintptr_t)owner >> 12; /* a heap has a page of its own, of 4, 16 or 64 KiB */
    return &thread->freed_for[(number ^ number >> 2 ^ number >> 4) % FREED_FOR];
}

/* Without atomic instructions: the thread alone writes, but for the worker, which lets it begin anew. */
static void note_freed(const struct heap *owner, uint32_t count)
{
    uint64_t before = 0;
    if (!thread_self)
        return;
    struct freed_for *entry = freed_for(thread_self, owner);
    if (atomic_load_explicit(&entry->owner, memory_order_relaxed) == owner)
        before = atomic_load_explicit(&entry->blocks, memory_order_relaxed);
    else
        atomic_store_explicit(&entry->owner, owner, memory_order_relaxed);
    atomic_store_explicit(&entry->blocks, before + count, memory_order_relaxed);
}

uint64_t remote_freed_for(struct thread *thread, const struct heap *owner)
{
    struct freed_for *entry = freed_for(thread, owner);
    if (atomic_load_explicit(&entry->owner, memory_order_relaxed) != owner)
        return 0;
    uint64_t blocks = atomic_load_explicit(&entry->blocks, memory_order_relaxed);
    if (blocks)
        atomic_store_explicit(&entry->blocks, 0, memory_order_relaxed);
    return blocks;
}

void remote_push(struct heap *heap, struct page *page, void *first, void *last, uint32_t count)
{
    uint32_t region = page_region(page);
    /* before the blocks go: afterwards the page may change hands */
    note_freed(page->heap, count);
    heap->pushed += (uint64_t)count * class_size(page->class_number);
    heap->pushed_to[region / 64] |= UINT64_C(1) << region % 64;
    push(page, first, last, count);
}

void remote_free(struct heap *heap, struct page *page, void *block)
{
    if (!heap) {
        push(page, block, block, 1);
        return;
    }
    remote_push(heap, page, block, block, 1);
    remote_collect_if_due(heap);
}

/* --- the owner --- */

bool remote_collect(struct page *page)
{
    if (!remote_any(page))
        return false;
    /* acquire: pairs with the release in push() */
    uintptr_t word = atomic_exchange_explicit(&page->remote, 0, memory_order_acquire);
    ASSERT(page->heap->busy);
    uint32_t count = (uint32_t)(word >> REMOTE_COUNT_SHIFT);
    harden_check_count(page, count);
    page->free = (void *)(word & (REMOTE_ONE - 1) & ~REMOTE_ASKS);
    page->used -= count;
    if (HEAP_COUNTS)
        page->heap->counters.remote_frees += count;
    return true;
}

struct page *remote_take_delayed(struct heap *heap)
{
    if (!atomic_load_explicit(&heap->delayed, memory_order_relaxed))
        return NULL;
    /* acquire: pairs with the release in add_delayed() */
    return atomic_exchange_explicit(&heap->delayed, NULL, memory_order_acquire);
}

/* --- on behalf of owners that do not run --- */

/*
 * All blocks of a page on the caller's list are remote frees: no bin and no program has one. The page is FULL, so it is
 * in no list of its heap, and its owner reaches it through the delayed pages alone, which the caller has taken.
 * The acquire sees what the owner wrote before it set ASKS or gave its blocks away.
 */
static bool is_abandoned(const struct page *page)
{
    uintptr_t word = atomic_load_explicit(&page->remote, memory_order_acquire);
    return word >> REMOTE_COUNT_SHIFT == page->capacity && (page->state & STATE_FULL);
}

/* Pages without a block in use that the caller has taken from their owners. */
struct taken {
    struct page *pages[PAGES];
    uint32_t count;
};

static void taken_give(struct taken *taken)
{
    if (taken->count)
        small_give_up(taken->pages, taken->count);
    taken->count = 0;
}

/* Pages of one region at a time. */
static void taken_add(struct taken *taken, struct page *page)
{
    if (taken->count == PAGES || (taken->count && page_region(taken->pages[0]) != page_region(page)))
        taken_give(taken);
    taken->pages[taken->count++] = page;
}

static uint64_t collect_abandoned(struct page *list)
{
    struct taken taken = {.count = 0};
    uint64_t blocks = 0;
    for (struct page *page = list, *next; page; page = next) {
        next = page->newer;
        if (!is_abandoned(page)) {
            add_delayed(page->heap, page);
            continue;
        }
        ASSERT(page->used == page->capacity && !page->free);
        blocks += page->capacity;
        taken_add(&taken, page);
    }
    taken_give(&taken);
    return blocks;
}

/* The lists of delayed pages of the region's heaps, but for the caller's own. Returns how many, the first `done` heaps
 * left out. */
static uint32_t take_lists(struct region *region, const struct heap *mine, uint32_t *done, struct page **ret_lists)
{
    uint32_t count = 0, number = 0;
    if (!region->opened || !lock_take(&region->lock))
        return 0;
    for (struct heap *heap = region->heaps; heap && count < LISTS; heap = heap->next_heap) {
        if (number++ < *done)
            continue;
        ++*done;
        if (heap != mine && (ret_lists[count] = remote_take_delayed(heap)))
            count++;
    }
    lock_give(&region->lock);
    return count;
}

static uint64_t collect_lists(struct region *region, const struct heap *mine)
{
    struct page *lists[LISTS];
    uint32_t done = 0, count;
    uint64_t blocks = 0;
    do {
        count = take_lists(region, mine, &done, lists);
        for (uint32_t i = 0; i < count; i++)
            blocks += collect_abandoned(lists[i]);
    } while (count == LISTS);
    return blocks;
}

void remote_collect_abandoned(struct region *region)
{
    uint64_t blocks = collect_lists(region, NULL);
    if (HEAP_COUNTS && blocks)
        telemetry_arena(PLAN_NONE, region->number, &(struct segment_arena){.remote_frees = blocks});
}

void remote_collect_everywhere(struct heap *heap)
{
    memset(heap->pushed_to, 0xff, sizeof(heap->pushed_to));
    remote_collect_others(heap);
}

void remote_collect_others(struct heap *heap)
{
    uint64_t slices = 0, heaps = 0;
    if (heap->busy)
        return; /* a signal handler inside this heap: it waits for the next call */
    heap->busy = true;
    heap->pushed = 0;
    for (uint32_t i = 0; i < region_map.count; i++) {
        uint64_t bit = UINT64_C(1) << i % 64;
        if (!(heap->pushed_to[i / 64] & bit))
            continue;
        heap->pushed_to[i / 64] &= ~bit;
        parked_collect(&region_list[i]);
        heap->counters.remote_frees += collect_lists(&region_list[i], heap);
        slices += counter_read(&region_list[i].in_use);
        heaps += counter_read(&region_list[i].heap_count);
    }
    heap->busy = false;
    heap->pushed_limit = PUSHED_LEAST + (slices << SLICE_SHIFT) / PART + heaps * PER_HEAP;
}
