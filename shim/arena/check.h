/*
 * check: the structures of the arenas hold together, in debug builds (assert.h); in others these are no calls.
 *
 * Each function says what its caller must have for the structure to stand still. Nothing is allocated or written.
 * Signal handlers and forks leave traces that are no faults, and are not taken for any: an allocation that a handler
 * interrupted has moved a block and not counted it yet, and for a heap whose borrower a fork caught there it stays so
 * in the child (heap.slack).
 */
#ifndef NODEWISE_SHIM_ARENA_CHECK_H
#define NODEWISE_SHIM_ARENA_CHECK_H

#include "shim/arena/assert.h"
#include "shim/arena/heap.h"
#include "shim/arena/page.h"
#include "shim/arena/region.h"

#ifdef NODEWISE_ASSERTIONS

/* A small page, see page.h. The caller has borrowed its heap. */
void page_check(const struct page *page);

/* The heap with its bins, their pages and all that it keeps. The caller has borrowed it, or holds it for its region. */
void heap_check(const struct heap *heap);

/* A free span: its ends, and where it lies. With the region's lock held. */
void span_check_free(const struct region *region, const struct page *page);
/* A span in use. With the region's lock held. */
void span_check_used(const struct region *region, const struct page *page);

/*
 * Everything of a region: spans in bins and by age, each span up to the frontier, counters against what is there, the
 * lists of big objects and of heaps. With the lock held. Takes time for each page and heap of the region.
 */
void region_check(const struct region *region);
/* heap_check() for the parked heaps. With the lock held. */
void region_check_parked(const struct region *region);

/*
 * Pages that a heap's lists must have: those of the region that are the heap's and not FULL, and those that are in the
 * lists. Equal, all regions taken together. The caller has borrowed the heap; for the first, the lock is held.
 */
uint32_t region_count_pages(const struct region *region, const struct heap *heap);
uint32_t heap_count_pages(const struct heap *heap);

/*
 * All of it, as far as it stands still for the caller: regions and their parked heaps, under each lock in turn, and the
 * calling thread's own heap. Any thread, without a lock; forked children and signal handlers, too.
 */
void arena_check(void);

#else

static inline void page_check(const struct page *page)
{
    (void)page;
}

static inline void heap_check(const struct heap *heap)
{
    (void)heap;
}

static inline void span_check_free(const struct region *region, const struct page *page)
{
    (void)region;
    (void)page;
}

static inline void span_check_used(const struct region *region, const struct page *page)
{
    (void)region;
    (void)page;
}

static inline void region_check(const struct region *region)
{
    (void)region;
}

static inline void region_check_parked(const struct region *region)
{
    (void)region;
}

static inline void arena_check(void)
{
}

#endif

#endif
