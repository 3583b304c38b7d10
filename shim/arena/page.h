/*
 * page: the descriptor of a run of slices, and where everything is.
 *
 * Address arithmetic is the whole lookup. The arenas are one reservation: region after region (one per node and
 * kind), each 1 << shift bytes. A descriptor for every 64 KiB slice lies in an array apart from the memory that the
 * program gets, so that a program that writes past its blocks does not reach it.
 *
 *     offset = pointer - base            foreign when offset >= total
 *     region = offset >> shift
 *     page   = pages + (offset >> 16)    of an interior slice: page - page->back is the head
 *
 * Who may touch what
 * - Line 0 belongs to the thread that has borrowed the page's heap, without atomics. Others read `local` and `kind`
 *   and `back`, which do not change while they hold a block of the page.
 * - Line 1: `remote` is for every thread; the rest changes only under the region's lock or by the owner while the page
 *   is in its hands.
 *
 * Invariants of a small page
 * - blocks handed out now = allocated - freed - (CURRENT ? 1 : 0): the page that a class allocates from counts itself
 *   once, so that it never looks empty, and the fast path of free needs one comparison.
 * - local == heap, except while FULL (or hardened), when local is NULL: a free of a block then comes the slow way,
 *   which is where the page gets back into its list.
 * - FULL implies free == NULL, carved == capacity, and the page is in no list.
 * - remote: bits 63..48 count, 47..1 first block, bit 0 ASKS: the page is FULL and wants to be told of the first remote
 *   free. Who clears ASKS puts the page on its heap's `delayed` list, once. When the owner clears it first and finds it
 *   gone, the page is PENDING: it will turn up there, and must not be given away before.
 */
#ifndef NODEWISE_SHIM_ARENA_PAGE_H
#define NODEWISE_SHIM_ARENA_PAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/size_class.h"

struct heap;

enum page_kind {
    PAGE_UNUSED,   /* beyond the frontier, or never looked at */
    PAGE_SMALL,    /* head of a page of blocks */
    PAGE_INTERIOR, /* a later slice: `back` slices behind its head; also the last slice of a large object */
    PAGE_LARGE,    /* head of one large object */
    PAGE_META,     /* heaps */
    PAGE_DIRTY,    /* first or last slice of a free span whose pages may be resident */
    PAGE_CLEAN,    /* the same, known to read as zero */
};

enum page_state {
    STATE_CURRENT = 1 << 0, /* its class allocates from it */
    STATE_FULL = 1 << 1,
    STATE_PENDING = 1 << 2,
};

#define REMOTE_ASKS        ((uintptr_t)1)
#define REMOTE_COUNT_SHIFT 48u
#define REMOTE_ONE         ((uintptr_t)1 << REMOTE_COUNT_SHIFT)

struct page {
    struct heap *local;
    void *free;                 /* first free block; a block's first word links to the next */
    uint64_t allocated, freed;  /* blocks ever, while the page has this class */
    uint32_t block_size;
    uint8_t class_number;
    uint8_t kind;  /* enum page_kind */
    uint8_t state; /* enum page_state */
    uint8_t zeroed; /* what was not carved yet reads as zero */
    uint16_t carved, capacity; /* blocks */
    uint32_t back;             /* interior and last slices: how far the head is */
    struct page *next, *prev;  /* partial list of the class; bin of free spans */

    _Alignas(64) _Atomic uintptr_t remote;
    struct heap *heap;
    struct page *newer, *older; /* delayed list (newer only); dirty spans by age */
    uint64_t counted;           /* of `allocated`: already in the heap's counters */
    uint32_t slices;            /* of the page, object or span whose head this is */
    uint32_t freed_at;          /* ms, of a dirty span */
};

_Static_assert(sizeof(struct page) == 128, "a line for the owner, a line for the others");
_Static_assert(offsetof(struct page, remote) == 64, "a line for the owner, a line for the others");

/* Constant once the arenas are on; total is 0 before, and for good where they are off: every pointer is foreign. */
struct arena_map {
    uintptr_t base;
    uintptr_t total; /* bytes */
    struct page *pages;
    ptrdiff_t cpu_offset; /* from the thread pointer to the number of the CPU that runs the thread */
    uint32_t shift;
    uint32_t count; /* regions */
};

extern struct arena_map nw_map __attribute__((visibility("hidden")));

static inline void *page_start(const struct page *page)
{
    return (void *)(nw_map.base + ((uintptr_t)(page - nw_map.pages) << SLICE_SHIFT));
}

static inline struct page *page_of(uintptr_t offset)
{
    return nw_map.pages + (offset >> SLICE_SHIFT);
}

static inline uint32_t page_region(const struct page *page)
{
    return (uint32_t)(((uintptr_t)(page - nw_map.pages) << SLICE_SHIFT) >> nw_map.shift);
}

#endif
