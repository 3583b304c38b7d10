#include "shim/arena/span.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

#include "shim/arena/check.h"
#include "shim/arena/free_spans.h"
#include "shim/arena/lean.h"
#include "shim/arena/limits.h"
#include "shim/arena/pressure.h"
#include "shim/sys/raw.h"

#define DECAY_MS     500u
#define PEAK_MS      1000u /* what was in use so long ago may be in use again: it is no surplus */
#define PART_LEAST   32u   /* 2 MiB: of a surplus, so much goes back with one call */
#define PART_MOST    512u  /* 32 MiB: and so much at most by span_purge_part() */
#define ALWAYS_KEPT  64u   /* 4 MiB, in all regions: too little to ask what the limit is */
#define KEEP_SLICES  1024u /* 64 MiB may stay dirty in any case, until they are old */
#define KEEP_LIMITED 256u  /* 16 MiB, where RLIMIT_AS or RLIMIT_DATA counts them; in all regions */
#define LEAN_TRIES   16u   /* short spans that a lean region looks at in vain before it stops giving back */
#define HOLES_MOST   12u   /* mappings of others that are stepped over in one search */

/* --- taking --- */

static void mark_used(struct region *region, struct page *page, uint32_t slices)
{
    span_mark(page, slices, PAGE_INTERIOR);
    span_check_used(region, page);
    counter_add(&region->in_use, slices);
    if (counter_read(&region->in_use) > region->peak)
        region->peak = counter_read(&region->in_use);
}

/* NULL, with *ret_error, where the region ends, or memory, or where a lean one meets another mapping. */
static struct page *take_at_frontier(struct region *region, uint32_t slices, int *ret_error)
{
    struct page *page = region_page(region, region->frontier);
    *ret_error = -ENOMEM;
    if (slices > region->slices - region->frontier)
        return NULL;
    *ret_error = region_commit(region, region->frontier + slices);
    if (*ret_error)
        return NULL;
    region->frontier += slices;
    return page;
}

/* A used span without an owner: other mappings lie in it. */
static void make_hole(struct page *page, uint32_t slices)
{
    span_mark(page, slices, PAGE_HOLE);
    span_mark_each(page, slices, PAGE_HOLE);
}

/* Addresses of a lean region behind its frontier, without a mapping. */
static struct page *take_addresses(struct region *region, uint32_t slices)
{
    struct page *page = region_page(region, region->frontier);
    if (slices > region->slices - region->frontier)
        return NULL;
    lean_cut(region);
    if (lean_describe(region, region->frontier + slices) != 0)
        return NULL;
    make_hole(page, slices);
    region->frontier += slices;
    counter_set(&region->committed, region->frontier);
    return page;
}

static struct page *take_new(struct region *region, uint32_t slices)
{
    int error;
    struct page *page = take_at_frontier(region, slices, &error);
    for (uint32_t i = 0; error == -EEXIST && i < HOLES_MOST && take_addresses(region, LEAN_LEAST << i); i++)
        page = take_at_frontier(region, slices, &error);
    return page;
}

/* Maps the beginning of a clean span of a lean region, which was split off. false: it is free again, or a hole. */
static bool map_clean(struct region *region, struct page *page, uint32_t slices, int *ret_error)
{
    *ret_error = region->lean ? lean_map(region, region_slice(region, page), slices) : 0;
    if (*ret_error == -EEXIST)
        make_hole(page, slices);
    else if (*ret_error)
        free_add_clean(region, page, slices);
    return *ret_error == 0;
}

static struct page *take_clean(struct region *region, uint32_t slices)
{
    int error = -EEXIST;
    for (uint32_t i = 0; error == -EEXIST && i < HOLES_MOST; i++) {
        struct page *page = free_find(region, FREE_CLEAN, slices);
        if (!page)
            break;
        free_split(region, page, slices);
        if (map_clean(region, page, slices, &error))
            return page;
    }
    return error == -EEXIST ? take_new(region, slices) : NULL;
}

static struct page *take(struct region *region, uint32_t slices, bool *ret_zeroed)
{
    struct page *page = free_find(region, FREE_DIRTY, slices);
    *ret_zeroed = !page;
    if (!page)
        return take_clean(region, slices);
    free_split(region, page, slices);
    return page;
}

/* What was cut off a span is as clean or dirty as all of it was; in a lean region it is mapped. */
static void give_cut(struct region *region, struct page *page, uint32_t slices, bool zeroed)
{
    if (slices && zeroed && !region->lean)
        free_add_clean(region, page, slices);
    else if (slices)
        free_add_dirty(region, page, slices, arena_now_ms());
}

struct page *span_take(struct region *region, uint32_t slices, uint32_t alignment, bool *ret_zeroed)
{
    struct page *page;
    uintptr_t mask = (uintptr_t)alignment - 1;
    ASSERT(lock_is_mine(&region->lock));
    if (!region->opened && !region_open(region))
        return NULL;
    if (alignment == 1) {
        page = take(region, slices, ret_zeroed);
        if (page)
            mark_used(region, page, slices);
        return page;
    }
    if (slices > region->slices || alignment > region->slices)
        return NULL;
    page = take(region, slices + alignment - 1, ret_zeroed);
    if (!page)
        return NULL;
    uint32_t before = (uint32_t)(-((uintptr_t)page_start(page) >> SLICE_SHIFT) & mask);
    uint32_t behind = alignment - 1 - before;
    struct page *start = page + before;
    mark_used(region, start, slices);
    give_cut(region, start + slices, behind, *ret_zeroed);
    give_cut(region, page, before, *ret_zeroed);
    return start;
}

bool span_extend(struct region *region, struct page *page, uint32_t slices)
{
    uint32_t more = slices - page->slices;
    struct page *behind = page + page->slices;
    int error;
    ASSERT(lock_is_mine(&region->lock));
    span_check_used(region, page);
    if (region_slice(region, behind) == region->frontier) {
        if (!take_at_frontier(region, more, &error))
            return false;
    } else if ((page_kind(behind) == PAGE_DIRTY || page_kind(behind) == PAGE_CLEAN) && behind->slices >= more) {
        bool clean = page_kind(behind) == PAGE_CLEAN;
        free_split(region, behind, more);
        if (clean && !map_clean(region, behind, more, &error))
            return false;
    } else {
        return false;
    }
    counter_subtract(&region->in_use, page->slices);
    mark_used(region, page, slices);
    return true;
}

/* --- giving --- */

/* A span that is given twice is free already, or is not as long as the caller says. */
static void check_given(const struct region *region, const struct page *page, uint32_t slices)
{
    ASSERT(lock_is_mine(&region->lock));
    span_check_used(region, page);
    ASSERT(page->slices == slices && counter_read(&region->in_use) >= slices);
}

void span_give(struct region *region, struct page *page, uint32_t slices, uint32_t now)
{
    check_given(region, page, slices);
    counter_subtract(&region->in_use, slices);
    free_add_dirty(region, page, slices, now);
    span_decay(region, now);
}

/* In a lean region only what the object reaches is mapped: at first one slice. */
static struct page *take_lean_room(struct region *region, uint32_t slices)
{
    struct page *page = free_find(region, FREE_CLEAN, slices);
    if (page)
        free_split(region, page, slices);
    else
        page = take_addresses(region, slices);
    if (!page)
        return NULL;
    make_hole(page, slices);
    page_set_kind(page, PAGE_INTERIOR);
    if (lean_map(region, region_slice(region, page), 1) == 0)
        return page;
    free_add_clean(region, page, slices);
    return NULL;
}

struct page *span_take_room(struct region *region, uint32_t slices)
{
    ASSERT(lock_is_mine(&region->lock));
    if (region->lean)
        return take_lean_room(region, slices);
    struct page *page = take_clean(region, slices);
    if (page)
        span_mark(page, slices, PAGE_INTERIOR);
    return page;
}

bool span_reach(struct region *region, const struct page *page, uint32_t reach, uint32_t slices)
{
    ASSERT(lock_is_mine(&region->lock));
    if (slices > page->slices)
        return false;
    return !region->lean || slices <= reach ||
           lean_map(region, region_slice(region, page) + reach, slices - reach) == 0;
}

/* What its object never reached becomes clean. */
void span_cut_room(struct region *region, struct page *page, uint32_t reach)
{
    uint32_t more = page->slices - reach;
    ASSERT(lock_is_mine(&region->lock) && reach);
    if (!more)
        return;
    page->slices = reach;
    page[reach - 1].back = reach - 1;
    if (reach > 1)
        page_set_kind(&page[reach - 1], PAGE_INTERIOR);
    span_mark(page + reach, more, PAGE_INTERIOR);
    free_add_clean(region, page + reach, more);
}

void span_give_room(struct region *region, struct page *page, uint32_t reach, uint32_t now)
{
    uint32_t more = page->slices - reach;
    ASSERT(lock_is_mine(&region->lock));
    ASSERT(reach && reach <= page->slices);
    span_check_used(region, page);
    span_mark(page, reach, PAGE_INTERIOR); /* what lies between its ends may say anything: now its last slice is here */
    if (more)
        free_add_clean(region, page + reach, more);
    free_add_dirty(region, page, reach, now);
    span_decay(region, now);
}

void span_shorten(struct region *region, struct page *page, uint32_t slices, uint32_t now)
{
    uint32_t less = page->slices - slices;
    ASSERT(lock_is_mine(&region->lock));
    ASSERT(slices && slices < page->slices);
    span_check_used(region, page);
    counter_subtract(&region->in_use, page->slices);
    mark_used(region, page, slices);
    free_add_dirty(region, page + slices, less, now);
    span_decay(region, now);
}

/* --- back to the kernel --- */

/*
 * `reach` of the slices may be resident. false: the kernel keeps them (locked or huge pages), or the span is too short for
 * a hole in a lean region: it stays dirty, without its memory.
 */
static bool purge(struct region *region, struct page *page, uint32_t slices, uint32_t reach, uint32_t now)
{
    int saved = errno;
    bool unmaps = region->lean && slices >= LEAN_LEAST;
    span_mark(page, slices, PAGE_INTERIOR); /* no neighbour merges with it while the lock is free */
    if (unmaps)
        make_hole(page, slices);
    lock_give(&region->lock);
    bool gone = unmaps ? lean_unmap(region, region_slice(region, page), slices)
                       : raw_madvise(page_start(page), (size_t)reach << SLICE_SHIFT, MADV_DONTNEED) == 0;
    lock_take(&region->lock);
    gone = gone && unmaps == region->lean; /* it may just have become lean: then it goes the next time */
    if (gone)
        free_add_clean(region, page, slices);
    else
        free_add_dirty(region, page, slices, now);
    errno = saved;
    return gone;
}

static bool purge_oldest(struct region *region, uint32_t now)
{
    struct page *page = region->oldest;
    free_unlist(region, page);
    return purge(region, page, page->slices, page->slices, now);
}

void span_give_away(struct region *region, struct page *page, uint32_t slices, uint32_t now)
{
    check_given(region, page, slices);
    counter_subtract(&region->in_use, slices);
    purge(region, page, slices, slices, now);
}

uint32_t span_purge(struct region *region, uint32_t now, uint32_t age_ms)
{
    uint32_t purged = 0, tries = region->lean ? age_ms ? LEAN_TRIES : counter_read(&region->dirty) + 1 : 1;
    const struct page *kept = NULL; /* the first that stayed: when it is the oldest again, all were looked at */
    ASSERT(lock_is_mine(&region->lock));
    while (region->oldest && region->oldest != kept && now - region->oldest->freed_at >= age_ms) {
        const struct page *page = region->oldest;
        uint32_t slices = page->slices;
        if (purge_oldest(region, now)) {
            purged += slices;
            continue;
        }
        if (--tries == 0)
            break;
        kept = kept ? kept : page;
    }
    return purged;
}

int64_t span_purge_part(struct region *region, uint32_t now, uint32_t age_ms)
{
    struct page *page = region->oldest;
    ASSERT(lock_is_mine(&region->lock));
    if (!page || (int32_t)(now - page->freed_at) < (int32_t)age_ms)
        return 0;
    uint32_t slices = page->slices < PART_MOST ? page->slices : PART_MOST;
    bool gone;
    if (region->lean)
        gone = (slices = span_purge(region, now, age_ms));
    else if (slices == page->slices)
        gone = purge_oldest(region, now);
    else
        gone = purge(region, free_cut(region, page, slices), slices, slices, now);
    return gone ? (int64_t)slices : -1;
}

static uint32_t dirty_limit(const struct region *region)
{
    uint32_t peak = region->peak > region->peak_before ? region->peak : region->peak_before;
    uint32_t limit = peak > KEEP_SLICES ? peak : KEEP_SLICES;
    if (limits_are_set())
        return KEEP_LIMITED / regions_open();
    uint32_t bearable = pressure_limit();
    return limit < bearable ? limit : bearable;
}

/* What it is now was the most at some moment of the time that begins. */
static void peak_decay(struct region *region, uint32_t now)
{
    if (now - region->peak_since < PEAK_MS)
        return;
    region->peak_since = now;
    region->peak_before = region->peak;
    region->peak = counter_read(&region->in_use);
}

static uint32_t surplus(const struct region *region)
{
    uint32_t dirty = counter_read(&region->dirty);
    if ((uint64_t)dirty * regions_open() <= ALWAYS_KEPT)
        return 0;
    uint32_t limit = dirty_limit(region);
    return dirty > limit ? dirty - limit : 0;
}

/* Of the oldest span, no more than has to; a lean region's go as a whole, lest they leave short ones. */
static bool purge_surplus(struct region *region, uint32_t slices, uint32_t now)
{
    struct page *page = region->oldest;
    uint32_t part = slices < PART_LEAST ? PART_LEAST : slices;
    if (region->lean || page->slices <= part)
        return purge_oldest(region, now);
    return purge(region, free_cut(region, page, part), part, part, now);
}

void span_decay(struct region *region, uint32_t now)
{
    uint32_t more;
    if (now - region->last_decay >= DECAY_EVERY) {
        region->last_decay = now;
        peak_decay(region, now);
        span_purge(region, now, DECAY_MS);
        region_check(region);
    }
    while ((more = surplus(region)))
        if (!region->oldest || !purge_surplus(region, more, now))
            return;
}

/* --- lean --- */

/* large.c takes the lock before an object reaches further. */
static void cut_rooms(struct region *region)
{
    for (struct page *page = region->big; page; page = page->next)
        if (page->state & STATE_ROOM)
            span_cut_room(region, page, page->block_size);
}

/* Clean spans lose their mapping, or count as dirty where they are too short for a hole. */
static void unmap_clean(struct region *region, uint32_t now)
{
    for (uint32_t bin = 0; bin < SPAN_BINS; bin++)
        for (struct page *page = region->bins[FREE_CLEAN][bin], *next; page; page = next) {
            next = page->next;
            span_mark_each(page, page->slices, PAGE_CLEAN);
            if (page->slices >= LEAN_LEAST && lean_unmap(region, region_slice(region, page), page->slices))
                continue;
            uint32_t slices = page->slices;
            free_unlist(region, page);
            free_add_dirty(region, page, slices, now);
        }
}

bool span_make_short(struct region *region, uint32_t slices, uint32_t now)
{
    ASSERT(lock_is_mine(&region->lock));
    if (region->lean)
        return false;
    cut_rooms(region);
    span_purge(region, now, 0);
    return !region->lean && (region->shortened || lean_shorten(region, slices));
}

void span_make_lean(struct region *region, uint32_t now)
{
    ASSERT(lock_is_mine(&region->lock));
    if (!region->lean) {
        cut_rooms(region);
        lean_cut(region);
        unmap_clean(region, now);
    }
    span_purge(region, now, 0);
    lean_cut(region);
}

uint32_t arena_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}
