#include "shim/arena/free_spans.h"

#include <stddef.h>

#include "shim/arena/check.h"
#include "shim/arena/lean.h"

#define EXACT_BINS 32u /* one for each length; behind them four for each doubling */
#define SCAN_LIMIT 16u /* spans of a bin that are looked at for one that is long enough */
#define JOIN_MS    100 /* dirty neighbours of the same age become one span, which has the age of the older one */

/* --- bins --- */

uint32_t span_bin(uint32_t slices)
{
    if (slices <= EXACT_BINS)
        return slices - 1;
    uint32_t bit = 31u - (uint32_t)__builtin_clz(slices);
    return EXACT_BINS + (bit - 5) * 4 + (slices >> (bit - 2) & 3);
}

static enum free_set set_of(const struct page *page)
{
    return page_kind(page) == PAGE_DIRTY ? FREE_DIRTY : FREE_CLEAN;
}

static void bin_insert(struct region *region, struct page *page)
{
    uint32_t bin = span_bin(page->slices);
    struct page **head = &region->bins[set_of(page)][bin];
    page->prev = NULL;
    page->next = *head;
    if (*head)
        (*head)->prev = page;
    *head = page;
    region->filled[set_of(page)][bin / 64] |= UINT64_C(1) << bin % 64;
}

static void bin_remove(struct region *region, struct page *page)
{
    uint32_t bin = span_bin(page->slices);
    if (page->next)
        page->next->prev = page->prev;
    if (page->prev) {
        page->prev->next = page->next;
        return;
    }
    region->bins[set_of(page)][bin] = page->next;
    if (!page->next)
        region->filled[set_of(page)][bin / 64] &= ~(UINT64_C(1) << bin % 64);
}

/* --- age --- */

static void age_append(struct region *region, struct page *page, uint32_t now)
{
    page->freed_at = now;
    page->newer = NULL;
    page->older = region->newest;
    if (region->newest)
        region->newest->newer = page;
    else
        region->oldest = page;
    region->newest = page;
}

static void age_remove(struct region *region, struct page *page)
{
    if (page->newer)
        page->newer->older = page->older;
    else
        region->newest = page->older;
    if (page->older)
        page->older->newer = page->newer;
    else
        region->oldest = page->newer;
}

/* What is left of a dirty span keeps its age, as does what it becomes a part of. */
static void age_replace(struct region *region, struct page *page, struct page *rest)
{
    rest->freed_at = page->freed_at;
    rest->newer = page->newer;
    rest->older = page->older;
    if (rest->newer)
        rest->newer->older = rest;
    else
        region->newest = rest;
    if (rest->older)
        rest->older->newer = rest;
    else
        region->oldest = rest;
}

/* --- free spans --- */

void span_mark(struct page *page, uint32_t slices, enum page_kind kind)
{
    struct page *last = page + slices - 1;
    page_set_kind(last, kind);
    last->back = slices - 1;
    page_set_kind(page, kind);
    page->back = 0;
    page->slices = slices;
}

void free_unlist(struct region *region, struct page *page)
{
    span_check_free(region, page);
    bin_remove(region, page);
    if (page_kind(page) == PAGE_DIRTY) {
        age_remove(region, page);
        counter_subtract(&region->dirty, page->slices);
    }
}

/*
 * Of different ages they stay apart, until the older one goes to the kernel: else a part that comes and goes would keep
 * all of it. Lean regions join all they can: what is too short for a hole would stay dirty.
 */
static bool may_join(const struct region *region, const struct page *page, enum page_kind kind, uint32_t now)
{
    return page_kind(page) == kind &&
           (kind == PAGE_CLEAN || region->lean || (int32_t)(now - page->freed_at) <= JOIN_MS);
}

/* The free span of this kind, and age, that ends before `page`, or NULL. */
static struct page *span_before(struct region *region, struct page *page, enum page_kind kind, uint32_t now)
{
    if (region_slice(region, page) == 0 || page_kind(&page[-1]) != kind)
        return NULL;
    struct page *before = page - 1 - page[-1].back;
    return may_join(region, before, kind, now) ? before : NULL;
}

static struct page *span_behind(struct region *region, struct page *page, uint32_t slices, enum page_kind kind,
                                uint32_t now)
{
    struct page *behind = page + slices;
    return region_slice(region, page) + slices < region->frontier && may_join(region, behind, kind, now) ? behind
                                                                                                         : NULL;
}

/* Free neighbours, which may be NULL, become a part of what is free now; take() takes each out of where it is kept. */
static struct page *absorb(struct region *region, struct page *page, uint32_t *slices, struct page *before,
                           struct page *behind, void (*take)(struct region *, struct page *))
{
    if (behind) {
        take(region, behind);
        *slices += behind->slices;
    }
    if (!before)
        return page;
    take(region, before);
    *slices += before->slices;
    return before;
}

void span_mark_each(struct page *page, uint32_t slices, enum page_kind kind)
{
    for (uint32_t i = 0; i < slices; i++)
        page_set_kind(&page[i], kind);
}

/* In a lean region: not mapped any more. */
void free_add_clean(struct region *region, struct page *page, uint32_t slices)
{
    if (region->lean)
        span_mark_each(page, slices, PAGE_CLEAN);
    struct page *before = span_before(region, page, PAGE_CLEAN, 0);
    struct page *behind = span_behind(region, page, slices, PAGE_CLEAN, 0);
    page = absorb(region, page, &slices, before, behind, free_unlist);
    if (region_slice(region, page) + slices == region->frontier) {
        region->frontier -= slices;
        if (region->lean)
            lean_drop(region, region->frontier + slices);
        return;
    }
    span_mark(page, slices, PAGE_CLEAN);
    bin_insert(region, page);
    span_check_free(region, page);
}

/* No longer in a bin, but still in its place by age. */
static void free_unbin(struct region *region, struct page *page)
{
    span_check_free(region, page);
    bin_remove(region, page);
    counter_subtract(&region->dirty, page->slices);
}

/* The one of both, where there are two, that was freed first; the other one's place is free. */
static struct page *age_older(struct region *region, struct page *page, struct page *other)
{
    if (!page || !other)
        return page ? page : other;
    bool later = (int32_t)(page->freed_at - other->freed_at) > 0;
    age_remove(region, later ? page : other);
    return later ? other : page;
}

void free_add_dirty(struct region *region, struct page *page, uint32_t slices, uint32_t now)
{
    struct page *before = span_before(region, page, PAGE_DIRTY, now);
    struct page *behind = span_behind(region, page, slices, PAGE_DIRTY, now);
    struct page *older = age_older(region, before, behind);
    page = absorb(region, page, &slices, before, behind, free_unbin);
    span_mark(page, slices, PAGE_DIRTY);
    bin_insert(region, page);
    if (older)
        age_replace(region, older, page);
    else
        age_append(region, page, now);
    counter_add(&region->dirty, slices);
    span_check_free(region, page);
}

struct page *free_cut(struct region *region, struct page *page, uint32_t slices)
{
    uint32_t left = page->slices - slices;
    ASSERT(page_kind(page) == PAGE_DIRTY && slices && left);
    free_unbin(region, page);
    span_mark(page, left, PAGE_DIRTY);
    bin_insert(region, page);
    counter_add(&region->dirty, left);
    return page + left;
}

/* --- found and cut --- */

static struct page *first_fit(struct page *page, uint32_t slices)
{
    for (uint32_t i = 0; page && i < SCAN_LIMIT; i++, page = page->next)
        if (page->slices >= slices)
            return page;
    return NULL;
}

struct page *free_find(const struct region *region, enum free_set set, uint32_t slices)
{
    uint32_t bin = span_bin(slices);
    struct page *page = first_fit(region->bins[set][bin], slices);
    if (page)
        return page;
    bin++; /* in every later bin, each span is long enough */
    for (uint32_t word = bin / 64; word < 2; word++, bin = word * 64) {
        uint64_t filled = region->filled[set][word] & (~UINT64_C(0) << bin % 64);
        if (filled)
            return region->bins[set][word * 64 + (uint32_t)__builtin_ctzll(filled)];
    }
    return NULL;
}

/* Cuts [page, +slices) out of the free span it begins; the rest stays free, of the same kind and age. */
void free_split(struct region *region, struct page *page, uint32_t slices)
{
    uint32_t more = page->slices - slices;
    struct page *rest = page + slices;
    bool dirty = page_kind(page) == PAGE_DIRTY;
    span_check_free(region, page);
    bin_remove(region, page);
    if (!more) {
        if (dirty)
            age_remove(region, page);
    } else {
        span_mark(rest, more, page_kind(page));
        bin_insert(region, rest);
        span_check_free(region, rest);
        if (dirty)
            age_replace(region, page, rest);
    }
    if (dirty)
        counter_subtract(&region->dirty, slices);
}
