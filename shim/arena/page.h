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
 * - classes[slice] is the size class of the slice's blocks plus one, or 0: large objects, free spans, everything when
 *   hardened. It does not change while a block of the slice is in use, so the fast path of free reads this dense table
 *   and nothing of the descriptor, and threads that free each other's blocks do not disturb each other by looking.
 * - Line 0 of a descriptor belongs to the thread that has borrowed the page's heap, without atomics.
 * - Line 1: every thread may change `remote`; the rest changes only under the region's lock or by the owner.
 *
 * Invariants of a small page
 * - used counts the blocks that the page has given out and not got back: in the program's hands, in some heap's bin, or
 *   on `remote`. carved - used blocks are on `free`.
 * - It is in its bin's list, unless it is FULL (free == NULL and carved == capacity) or the bin's spare (used == 0).
 * - remote: bits 63..48 count, 47..1 first block, bit 0 ASKS: the page is FULL and its owner wants to know of the first
 *   remote free. The thread that clears ASKS puts the page on its heap's `delayed` list, once. An owner that finds ASKS
 *   cleared when it takes a block back marks the page PENDING: the page will turn up on that list, and must not be given
 *   away before.
 */
#ifndef NODEWISE_SHIM_ARENA_PAGE_H
#define NODEWISE_SHIM_ARENA_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/size_class.h"

struct heap;

enum page_kind {
    PAGE_UNUSED,   /* beyond the frontier, or never looked at */
    PAGE_SMALL,    /* head of a page of blocks */
    PAGE_INTERIOR, /* a later slice: `back` slices behind its head; also the last slice of a large object */
    PAGE_LARGE,    /* head of one large object */
    PAGE_CACHED,   /* the same, free, but kept by a heap */
    PAGE_META,     /* heaps */
    PAGE_DIRTY,    /* first or last slice of a free span whose pages may be resident */
    PAGE_CLEAN,    /* the same, known to read as zero; in a lean region each of its slices, and not mapped */
    PAGE_HOLE,     /* of a lean region: each slice of a span on its way to the kernel, or where another mapping lies */
};

enum page_state {
    STATE_FULL = 1 << 0,
    STATE_PENDING = 1 << 1,
    STATE_GROWN = 1 << 2, /* a large object of less than a slice, see large.h */
    STATE_ROOM = 1 << 3,  /* a large object at the beginning of a span that it may grow into, see large.h */
    STATE_BIG = 1 << 4,   /* a large object in its region's list, see big.h */
    STATE_WAITS = 1 << 5, /* away, and some of its blocks wait for the others, see away.h */
};

#define REMOTE_ASKS        ((uintptr_t)1)
#define REMOTE_COUNT_SHIFT 48u
#define REMOTE_ONE         ((uintptr_t)1 << REMOTE_COUNT_SHIFT)

struct page {
    void *free;               /* first free block; a block's first word links to the next */
    struct page *next, *prev; /* list of its bin; bin of free spans */
    uint32_t used, block_size;
    _Atomic uint16_t carved; /* blocks; the hardened free of another thread looks at it */
    uint16_t capacity;

    _Alignas(64) _Atomic uintptr_t remote;
    _Atomic(struct heap *) heap; /* only its owner writes it; threads that move pages read it */
    struct page *newer, *older;  /* delayed list (newer only); dirty spans by age */
    uint32_t slices;             /* of the page, object or span whose head this is */
    uint32_t freed_at;           /* ms, of a dirty span */
    uint32_t back;               /* interior and last slices: how far the head is */
    uint8_t class_number;
    _Atomic uint8_t kind;    /* enum page_kind; a thread that frees the neighbour reads it, under the region's lock */
    uint8_t state;           /* enum page_state */
    uint8_t zeroed;          /* what was not carved yet reads as zero */
    _Atomic bool away;       /* some of its memory was moved to another node than the region's, see moving.h */
    uint16_t rule;           /* of the thread that made a large object, index in the plan or UINT16_MAX */
    _Atomic uint32_t maker;  /* of a large object: tid of the thread that allocated it, 0: unknown */
    _Atomic uint32_t serial; /* tells a large object from an earlier one here */
};

_Static_assert(sizeof(struct page) == 128, "a line for the owner, a line for the others");
_Static_assert(offsetof(struct page, remote) == 64, "a line for the owner, a line for the others");

/* Constant once the arenas are on; total is 0 before, and for good where they are off: every pointer is foreign. */
struct arena_map {
    uintptr_t base;
    uintptr_t total; /* bytes */
    uintptr_t dense; /* this far from the base each address has a class that can be read: `total`, unless lean */
    uintptr_t whole; /* `total`, or 0 where a region is lean: so far from the base each address is ours */
    struct page *pages;
    uint8_t *classes;
    ptrdiff_t cpu_offset; /* from the thread pointer to the number of the CPU that runs the thread */
    uint32_t shift;
    uint32_t count;            /* regions */
    _Atomic bool bootstrapped; /* the bootstrap pool has given something out */
    _Atomic bool lean;         /* some region is, see lean.h: other mappings may lie between its pages */
};

extern struct arena_map region_map __attribute__((visibility("hidden")));

/*
 * A word that malloc's fast paths read and another thread may change. Any value that it ever had will do, and it is read
 * at once: an atomic load would be one, too, but GCC makes an instruction of its own of it.
 */
static inline uintptr_t word_load(const uintptr_t *word)
{
#ifdef __SANITIZE_THREAD__
    return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
    return *word;
#endif
}

static inline void word_store(uintptr_t *word, uintptr_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uintptr_t arena_dense(void)
{
    return word_load(&region_map.dense);
}

/*
 * A reader that does not own the page learns from `kind` that its span is in use, or under the lock that it is free, and
 * then no other thread changes it. Acquire, with the release below: who sees a page in use sees whose it is.
 */
static inline enum page_kind page_kind(const struct page *page)
{
    return (enum page_kind)atomic_load_explicit(&page->kind, memory_order_acquire);
}

static inline void page_set_kind(struct page *page, enum page_kind kind)
{
    atomic_store_explicit(&page->kind, (uint8_t)kind, memory_order_release);
}

static inline uint32_t page_carved(const struct page *page)
{
    return atomic_load_explicit(&page->carved, memory_order_relaxed);
}

static inline void page_set_carved(struct page *page, uint32_t blocks)
{
    atomic_store_explicit(&page->carved, (uint16_t)blocks, memory_order_relaxed);
}

/* With the region's lock held. Returns what it was. */
bool page_set_away(struct page *page, bool away);

static inline void *page_start(const struct page *page)
{
    return (void *)(region_map.base + ((uintptr_t)(page - region_map.pages) << SLICE_SHIFT));
}

static inline struct page *page_of(uintptr_t offset)
{
    return region_map.pages + (offset >> SLICE_SHIFT);
}

/* Of the page that a small block lies in; `back` is 0 in its first slice. */
static inline struct page *page_of_block(const void *block)
{
    struct page *page = page_of((uintptr_t)block - region_map.base);
    return page - page->back;
}

static inline uint8_t *class_entry(const struct page *page)
{
    return region_map.classes + (page - region_map.pages);
}

/* A page's class may become 0 at any moment (away.c): a thread that read it before acts as it was then. */
static inline uint8_t class_at(const uint8_t *classes, uintptr_t offset)
{
    return __atomic_load_n(&classes[offset >> SLICE_SHIFT], __ATOMIC_RELAXED);
}

static inline void class_set(const struct page *page, uint8_t entry)
{
    uint8_t *first = class_entry(page);
    for (uint32_t i = 0; i < page->slices; i++)
        __atomic_store_n(&first[i], entry, __ATOMIC_RELAXED);
}

static inline uint32_t page_region(const struct page *page)
{
    return (uint32_t)(((uintptr_t)(page - region_map.pages) << SLICE_SHIFT) >> region_map.shift);
}

#endif
