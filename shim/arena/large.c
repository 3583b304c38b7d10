#include "shim/arena/large.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/arena/arena.h"
#include "shim/arena/big.h"
#include "shim/arena/idle.h"
#include "shim/arena/lean.h"
#include "shim/arena/limits.h"
#include "shim/arena/small.h"
#include "shim/arena/span.h"
#include "shim/base/common.h"
#include "shim/sys/allowed.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define CACHED_SLICES 64u  /* 4 MiB: larger objects cost so much to use that a lock does not matter */
#define CACHED_AGE    100u /* ms */
#define SLACK_SLICES  16u  /* 1 MiB: at most this is taken along for further growth */
#define GROWN_MOST    64u
/*
 * From 512 KiB on an object may be one that others than its maker initialise and use: each page is where it is touched
 * first. Smaller ones are their maker's.
 */
#define TOUCH_SLICES 8u
#define ROOM_SLICES  1024u /* 64 MiB */
#define ROOMS_MOST   64u
#define ROOM_TIMES   4u /* of an object that is larger than half of that, and its share of the region's addresses: */
#define ROOMS_PART   4u /* all rooms together have a fourth at most */
#define LEAN_ROOM    16384u             /* 1 GiB */
#define LEAN_ROOMS   8u                 /* their descriptors are mapped */
#define DROP_LEAST   ((size_t)96 << 20) /* bytes: from here on the kernel clears as fast, see performance.md */
#define MOVE_LEAST   ((size_t)32 << 20) /* bytes: from here on pages move instead of being copied */
#define AREAS_MOST   16384u

/* The bytes are below PTRDIFF_MAX, a region has less than 2^32 slices. */
static uint32_t slices_of(size_t size)
{
    size_t slices = (size + SLICE_SIZE - 1) >> SLICE_SHIFT;
    return slices ? slices < UINT32_MAX ? (uint32_t)slices : UINT32_MAX : 1;
}

static struct region *region_of(const struct page *page)
{
    return &region_list[page_region(page)];
}

/* --- back to the region --- */

static void no_longer_grown(struct region *region, struct page *page)
{
    if (page->state & STATE_GROWN)
        counter_subtract(&region->grown, 1);
    page->state &= STATE_BIG;
}

static bool is_away(const struct page *page)
{
    return atomic_load_explicit(&page->away, memory_order_relaxed);
}

static void give_room(struct region *region, struct page *page, bool away)
{
    counter_subtract(&region->rooms, 1);
    if (!away) {
        span_give_room(region, page, page->block_size, arena_now_ms());
        return;
    }
    span_cut_room(region, page, page->block_size);
    counter_add(&region->in_use, page->slices); /* a room is not counted */
    span_give_away(region, page, page->slices, arena_now_ms());
}

static void give(struct page *page)
{
    struct region *region = region_of(page);
    if (!lock_take(&region->lock))
        return; /* a signal handler inside the lock: the region loses the object */
    big_remove(region, page);
    bool away = page_set_away(page, false);
    if (page->state & STATE_ROOM) {
        give_room(region, page, away);
    } else {
        no_longer_grown(region, page);
        if (away)
            span_give_away(region, page, page->slices, arena_now_ms());
        else
            span_give(region, page, page->slices, arena_now_ms());
    }
    lock_give(&region->lock);
}

/* --- kept by the heap --- */

static struct page *take_cached(struct heap *heap, uint32_t slices)
{
    for (uint32_t i = 0; i < CACHED_MAX; i++) {
        struct page *page = heap->cached[i];
        if (page && page->slices == slices) {
            heap->cached[i] = NULL;
            return page;
        }
    }
    return NULL;
}

static void mark_kept(const struct heap *heap, struct page *page)
{
    page_set_kind(page, PAGE_CACHED);
    page->freed_at = heap->looked_at;
}

static bool keep_room(struct heap *heap, struct page *page)
{
    if (heap->room || page->block_size > CACHED_SLICES)
        return false;
    mark_kept(heap, page);
    heap->room = page;
    return true;
}

/* Where the heap takes objects of that size from. NULL: it only stands in for a heap. */
static struct region *source(const struct heap *heap, uint32_t slices)
{
    return heap->region && slices >= TOUCH_SLICES ? heap->region->large : heap->region;
}

static bool keep(struct heap *heap, struct page *page)
{
    uint32_t place = heap->next_cached;
    if (is_away(page))
        return false;
    if ((page->state & STATE_ROOM) && heap->region == region_of(page))
        return keep_room(heap, page);
    if (page->slices > CACHED_SLICES || (page->state & ~STATE_BIG) || source(heap, page->slices) != region_of(page))
        return false;
    for (uint32_t i = 0; i < CACHED_MAX; i++)
        if (!heap->cached[i])
            place = i;
    heap->next_cached = (uint8_t)((place + 1) % CACHED_MAX);
    struct page *old = heap->cached[place];
    mark_kept(heap, page);
    heap->cached[place] = page;
    if (old)
        give(old);
    return true;
}

static void release(struct page **place)
{
    struct page *page = *place;
    *place = NULL;
    if (page)
        give(page);
}

void large_release_cached(struct heap *heap)
{
    for (uint32_t i = 0; i < CACHED_MAX; i++)
        release(&heap->cached[i]);
    release(&heap->room);
}

static void release_if_old(const struct heap *heap, struct page **place)
{
    if (*place && heap->looked_at - (*place)->freed_at >= CACHED_AGE)
        release(place);
}

void large_age_cached(struct heap *heap)
{
    for (uint32_t i = 0; i < CACHED_MAX; i++)
        release_if_old(heap, &heap->cached[i]);
    release_if_old(heap, &heap->room);
}

/* --- allocation --- */

/*
 * Where first touch decides, memory that was used before may lie on any node. Some of its pages are looked at: if one is
 * on another node than that of the thread which allocates, the kernel gets all of them back, as from munmap(2).
 */
static bool lies_elsewhere(const struct region *region, const struct page *page)
{
    enum { LOOKED_AT = 8 };
    void *pages[LOOKED_AT];
    int nodes[LOOKED_AT];
    size_t size = (size_t)page->slices << SLICE_SHIFT, step = page_floor(size / LOOKED_AT);
    for (size_t i = 0; i < LOOKED_AT; i++)
        pages[i] = (char *)page_start(page) + i * step;
    if (sys_move_pages(LOOKED_AT, pages, NULL, nodes) != 0)
        return false;
    for (size_t i = 0; i < LOOKED_AT; i++)
        if (nodes[i] >= 0 && (uint32_t)nodes[i] != region->node)
            return true;
    return false;
}

static void bring_near(const struct region *region, const struct page *page, bool *zeroed)
{
    int saved = errno;
    if (region->flavour.binding == BINDING_TOUCH && !*zeroed && lies_elsewhere(region, page))
        *zeroed = raw_madvise(page_start(page), (size_t)page->slices << SLICE_SHIFT, MADV_DONTNEED) == 0;
    errno = saved;
}

static struct page *take_from(struct region *region, uint32_t slices, size_t alignment, bool *ret_zeroed)
{
    if (slices > region->slices || alignment > region->slices || !lock_take(&region->lock))
        return NULL;
    struct page *page =
        span_take(region, slices, (uint32_t)alignment, ret_zeroed); /* it fits: a region has fewer slices */
    if (page) {
        page->state = 0;
        big_add(region, page);
    }
    lock_give(&region->lock);
    return page;
}

static struct page *take(struct heap *heap, uint32_t slices, size_t alignment, bool *ret_zeroed)
{
    struct region *region = source(heap, slices);
    struct page *page = take_from(region, slices, alignment, ret_zeroed);
    /* where address space is short, what was kept of it is kept where the heaps are */
    if (!page && region != heap->region && heap->region->shortened)
        page = take_from(heap->region, slices, alignment, ret_zeroed);
    if (page)
        bring_near(&region_list[page_region(page)], page, ret_zeroed);
    return page;
}

/* In both callers: a call would cost more than what it does. */
static inline __attribute__((always_inline)) void *hand_out(struct heap *heap, struct page *page, uint32_t slices)
{
    big_made(page, atomic_load_explicit(&heap->rule, memory_order_relaxed));
    page_set_kind(page, PAGE_LARGE);
    if (HEAP_COUNTS) {
        heap->counters.allocations++;
        heap->counters.large_slices += slices;
    }
    return page_start(page);
}

void *large_allocate(struct heap *heap, size_t size, size_t alignment, bool *ret_zeroed)
{
    uint32_t slices = slices_of(size);
    struct page *page = alignment == 1 ? take_cached(heap, slices) : NULL;
    *ret_zeroed = false;
    heap_count_time(heap);
    if (!page)
        page = take(heap, slices, alignment, ret_zeroed);
    return page ? hand_out(heap, page, slices) : NULL;
}

static uint32_t with_slack(uint32_t slices)
{
    return slices + (slices / 2 < SLACK_SLICES ? slices / 2 : SLACK_SLICES);
}

/* Of an object that is too large for an ordinary room: its pages move each time that it has become four times as large. */
static uint32_t large_room(const struct region *region, uint32_t slices)
{
    uint64_t room = (uint64_t)slices * ROOM_TIMES;
    if (region->flavour.prefault != PREFAULT_OFF || region_huge_size(region) ||
        room > region->slices / ROOMS_MOST / ROOMS_PART)
        return 0;
    return (uint32_t)room;
}

/* Where memory is limited, objects of at least a MiB get addresses for all that the limit allows, lest they are copied. */
static uint32_t room_slices(const struct region *region, uint32_t slices)
{
    if (!region->lean && slices > ROOM_SLICES / 2)
        return large_room(region, slices);
    if (!region->lean)
        return region->slices / ROOMS_MOST >= ROOM_SLICES ? ROOM_SLICES : 0;
    uint32_t room = limits_slices() < LEAN_ROOM ? limits_slices() : LEAN_ROOM;
    return slices >= BIG_SLICES && slices <= room ? room : 0;
}

static bool has_places_for_rooms(const struct region *region)
{
    return counter_read(&region->rooms) < (region->lean ? LEAN_ROOMS : ROOMS_MOST);
}

/* Of the heap's own, or a new one; NULL: none is to be had. */
static struct page *take_room(struct heap *heap, uint32_t slices)
{
    struct region *region = heap->region;
    uint32_t room = room_slices(region, slices);
    struct page *page = heap->room;
    if (!room)
        return NULL;
    if (page && page->slices >= slices) {
        heap->room = NULL;
        return page;
    }
    if (!has_places_for_rooms(region) || !lock_take(&region->lock))
        return NULL;
    page = span_take_room(region, room);
    if (page) {
        page->state = STATE_ROOM;
        page->block_size = 1;
        big_add(region, page);
        counter_add(&region->rooms, 1);
    }
    lock_give(&region->lock);
    return page;
}

/*
 * The lock: what a room has never reached may be given back (span_make_lean()), or is not mapped yet. false: the room or
 * memory ends before.
 */
static bool reach(struct page *page, uint32_t slices)
{
    struct region *region = region_of(page);
    uint32_t further = with_slack(slices);
    if (!lock_take(&region->lock))
        return false;
    uint32_t before = page->block_size;
    if (!region->lean || !span_reach(region, page, before, further))
        further = span_reach(region, page, before, slices) ? slices : before;
    if (before < further)
        page->block_size = further;
    lock_give(&region->lock);
    return further >= slices;
}

static bool set_size_in_room(struct page *page, uint32_t slices)
{
    if (page->block_size < slices && !reach(page, slices))
        return false;
    page->used = slices;
    return true;
}

void *large_allocate_growing(struct heap *heap, size_t size)
{
    struct region *region = heap->region;
    struct page *page = take_room(heap, slices_of(size));
    bool zeroed;
    heap_count_time(heap);
    if (page && set_size_in_room(page, slices_of(size)))
        return hand_out(heap, page, slices_of(size));
    if (page)
        give(page);
    if (size <= CLASS_MAX_SIZE &&
        counter_read(&region->grown) >= GROWN_MOST) /* a look without the lock: the limit is a soft one */
        return NULL;
    page = take(heap, with_slack(slices_of(size)), 1, &zeroed);
    if (!page)
        return NULL;
    if (size <= CLASS_MAX_SIZE && lock_take(&region->lock)) {
        page->state |= STATE_GROWN;
        counter_add(&region->grown, 1);
        lock_give(&region->lock);
    }
    return hand_out(heap, page, slices_of(size));
}

/* The first bytes of an object, whose last page has room for more. */
static bool drop_pages(void *block, size_t size)
{
    int saved = errno;
    bool gone = raw_madvise(block, page_ceiling(size), MADV_DONTNEED) == 0;
    errno = saved;
    return gone;
}

void *large_clear(void *block, size_t size)
{
    if (size >= DROP_LEAST && drop_pages(block, size))
        return block;
    return memset(block, 0, size);
}

void large_free(struct page *page)
{
    struct region *region = region_of(page);
    if (!keep(heap_self, page))
        give(page);
    idle_note(region); /* keeping one may have given another */
}

/* --- realloc --- */

/* Another thread would get the end, on the wrong node: so the span keeps its length, and only the memory goes. */
static void drop_end(struct page *page, uint32_t slices)
{
    int saved = errno;
    raw_madvise((char *)page_start(page) + ((size_t)slices << SLICE_SHIFT),
                (size_t)(page->slices - slices) << SLICE_SHIFT, MADV_DONTNEED);
    errno = saved;
}

/* In place: the end is given back, or what follows is taken. */
static bool resize(struct page *page, uint32_t slices)
{
    struct region *region = region_of(page);
    bool done = true;
    if (!lock_take(&region->lock))
        return false;
    if (slices < page->slices)
        span_shorten(region, page, slices, arena_now_ms());
    else if (slices > page->slices)
        done = span_extend(region, page, slices);
    if (done) {
        no_longer_grown(region, page);
        big_add(region, page);
        page_set_kind(page, PAGE_LARGE);
    }
    lock_give(&region->lock);
    return done;
}

/*
 * Where pages were moved between areas: each move makes two areas more, of which a process may have some 65,000
 * (vm.max_map_count), and they do not all come together again.
 */
static _Atomic uint32_t areas_made;

static bool is_of_same_region(const struct page *from, const void *block)
{
    uintptr_t offset = (uintptr_t)block - region_map.base;
    return offset < region_map.total && !lean_is_hole(offset) && region_of(page_of(offset)) == region_of(from);
}

static bool may_move_pages(const struct page *from, const void *block, size_t size)
{
    const struct region *region = region_of(from);
    return size >= MOVE_LEAST && is_of_same_region(from, block) && !region_huge_size(region) &&
           region->flavour.prefault == PREFAULT_OFF && call_is_allowed(SYS_mremap) &&
           atomic_load_explicit(&areas_made, memory_order_relaxed) < AREAS_MOST;
}

/* The block has memory on other nodes than its region's if the other one had; that one has none any more. */
static void pass_away(struct page *from, struct page *to)
{
    struct region *region = region_of(from);
    if (!is_away(from) || !lock_take(&region->lock))
        return;
    page_set_away(to, page_set_away(from, false));
    lock_give(&region->lock);
}

/* Instead of a copy, which takes memory for both and a fault for each page. false: nothing was moved. */
static bool move_pages_to(struct page *from, void *block, size_t size)
{
    int saved = errno;
    if (!may_move_pages(from, block, size))
        return false;
    bool moved = raw_move_mapped(page_start(from), block, page_ceiling(size)) == 0;
    errno = saved;
    if (!moved)
        return false;
    atomic_fetch_add_explicit(&areas_made, 2, memory_order_relaxed);
    pass_away(from, page_of_block(block));
    if ((from->state & STATE_ROOM) && !region_of(from)->lean)
        from->block_size = 1; /* the rest is as clean as in the beginning */
    return true;
}

static void *move(struct page *page, size_t size)
{
    void *start = page_start(page), *block = NULL;
    size_t old = large_size(page), kept = old < size ? old : size;
    if (size > old && heap_self->region)
        block = large_allocate_growing(heap_self, size);
    if (!block)
        block = arena_allocate(size);
    if (!block)
        return NULL;
    if (!move_pages_to(page, block, kept))
        memcpy(block, start, kept);
    large_free(page);
    return block;
}

static void *reallocate_in_room(struct page *page, size_t size)
{
    uint32_t slices = slices_of(size);
    bool shrinks = slices < page->block_size / 4 && page->block_size > CACHED_SLICES;
    return shrinks || !set_size_in_room(page, slices) ? move(page, size) : page_start(page);
}

void *large_reallocate(struct page *page, size_t size)
{
    uint32_t slices = slices_of(size);
    if (page->state & STATE_ROOM)
        return reallocate_in_room(page, size);
    if (slices <= page->slices && slices >= page->slices / 2 &&
        (size > CLASS_MAX_SIZE / 2 || (page->state & ~STATE_BIG)))
        return page_start(page);
    if (slices < page->slices && size > CLASS_MAX_SIZE) {
        if (is_away(page))
            drop_end(page, slices);
        else
            resize(page, slices);
        idle_note(region_of(page));
        return page_start(page);
    }
    if (slices > page->slices && slices <= region_of(page)->slices &&
        (resize(page, with_slack(slices)) || resize(page, slices)))
        return page_start(page);
    return move(page, size);
}
