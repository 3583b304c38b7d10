/*
 * region: the memory of one node (and flavour), as one part of the reservation.
 *
 * The reservation is made once, PROT_NONE and MAP_NORESERVE: it costs no memory, no commit charge
 * (vm.overcommit_memory=2), no RLIMIT_DATA and no core dump. What is used becomes readable and writable in steps.
 * RLIMIT_AS counts it, so where a limit is set, regions map only what they use (lean.h). Each region is bound once as a
 * whole: one VMA a region, and the binding survives mprotect(2) and MADV_DONTNEED.
 *
 * A flavour is what rules ask beyond the node: bind or prefer, huge pages, prefaulting. Nearly every plan has one.
 *
 * Regions are constant after regions_reserve() except for what their locks guard. errno is kept by all functions.
 */
#ifndef NODEWISE_SHIM_ARENA_REGION_H
#define NODEWISE_SHIM_ARENA_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"
#include "shim/arena/lock.h"
#include "shim/arena/page.h"

#define REGIONS_MAX  256u
#define FLAVOURS_MAX 16u
#define SPAN_BINS    112u /* span.c */

enum binding {
    BINDING_NONE, /* the memory policy of the thread that touches a page first: one region for the process */
    BINDING_PREFERRED,
    BINDING_BIND,
    BINDING_TOUCH, /* as none, but with a region for each node: large objects, which others than their maker may fill */
};

struct flavour {
    uint8_t binding;        /* enum binding */
    uint8_t huge_pages;     /* enum huge_pages */
    uint8_t prefault;       /* enum prefault */
    bool first_touch;       /* large objects come from a region of binding TOUCH */
    uint64_t prefault_size; /* bytes made when a region is opened; 0: each step when it is made usable */
};

struct region {
    struct lock lock;
    uint32_t number;
    uint32_t node; /* id, UINT32_MAX for BINDING_NONE */
    struct flavour flavour;
    struct region *large; /* where large objects of its heaps come from; most often the region itself */
    _Atomic bool opened;
    _Atomic bool lean;                /* maps only what it uses, see lean.h */
    _Atomic bool shortened;           /* its reservation ends at `slices`, see lean.h */
    uint8_t huge_reason, bind_reason; /* enum reason: what could not be had */
    uint32_t slices;                  /* in all */
    _Atomic uint32_t committed;       /* usable from the start of the region */
    uint32_t described;               /* have a usable descriptor; at least `committed` */
    uint32_t frontier;                /* never handed out from here on, or given back since: reads as zero */
    /* free spans, see span.c */
    struct page *bins[2][SPAN_BINS];
    uint64_t filled[2][2];
    struct page *oldest, *newest;   /* dirty spans by the time of their freeing */
    _Atomic uint32_t dirty, in_use; /* slices */
    _Atomic uint32_t away;          /* slices of pages and objects that are, see moving.h */
    _Atomic uint32_t waiting;       /* slices of pages whose free blocks wait, see away.h */
    uint32_t peak, peak_before;     /* of in_use: since peak_since, and in the time before that */
    uint32_t peak_since;            /* ms */
    uint32_t last_decay;            /* ms */
    _Atomic uint32_t grown, rooms;  /* large objects of less than a slice, and with room to grow; see large.h */
    struct page *big;               /* list of the big ones, see big.h */
    /* heaps, see heap.c */
    struct heap *parked, *parked_last; /* the one that was in use last comes first */
    uint32_t parked_count;
    _Atomic uint32_t held_kib; /* free blocks in the bins of parked heaps, when these were parked */
    struct heap *heaps;        /* all of them */
    char *heap_room, *heap_end;
    _Atomic uint32_t heap_count;
};

extern struct region region_list[REGIONS_MAX] __attribute__((visibility("hidden")));

/* Regions that memory was ever taken from. Any thread. */
uint32_t regions_open(void);

/*
 * Reserves flavour_count x node_count regions; node ids ascending, region = flavour * node_count + node index.
 * 0, or a negative errno when even the smallest rung of the ladder is refused.
 */
int regions_reserve(const struct flavour *flavours, uint32_t flavour_count, const uint32_t *nodes, uint32_t node_count);

/* The heaps of all regions of one flavour take large objects from those of another one. Start-up only. */
void regions_pair(uint32_t flavour, uint32_t large, uint32_t node_count);

/* With the lock held. Binds it and makes its beginning usable. false: no memory can be had. */
bool region_open(struct region *region);
/*
 * With the lock held: the first `slices` slices become usable, in larger steps. 0, -ENOMEM, or -EEXIST where a lean region
 * meets another mapping.
 */
int region_commit(struct region *region, uint32_t slices);

/* With the lock held: so many slices have a usable descriptor, in larger steps. As region_commit(). */
int region_describe(struct region *region, uint32_t slices);

/* With the lock held: binds a part of a lean region, or of its tables, as a whole region is bound when it is opened. */
void region_dress(struct region *region, uint32_t slice, uint32_t count);
void region_bind_table(struct region *region, const void *table, size_t size);

/* Bytes of a page of the kernel's reserved pool that it has; 0: ordinary pages, which can be moved. */
size_t region_huge_size(const struct region *region);
/* Can the kernel have made transparent huge pages in this part of the region? */
bool region_has_huge_pages(const struct region *region, uintptr_t start);

/* The node that all of its memory should be on; UINT32_MAX: none, each page is where it was touched first. */
static inline uint32_t region_home(const struct region *region)
{
    return region->flavour.binding == BINDING_TOUCH ? UINT32_MAX : region->node;
}

/* The counters of a region change under its lock; any thread may read them, and sees some recent value. */
static inline uint32_t counter_read(const _Atomic uint32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void counter_set(_Atomic uint32_t *counter, uint32_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void counter_add(_Atomic uint32_t *counter, uint32_t more)
{
    counter_set(counter, counter_read(counter) + more);
}

static inline void counter_subtract(_Atomic uint32_t *counter, uint32_t less)
{
    counter_set(counter, counter_read(counter) - less);
}

static inline struct page *region_page(const struct region *region, uint32_t slice)
{
    return region_map.pages + (((uintptr_t)region->number << region_map.shift) >> SLICE_SHIFT) + slice;
}

static inline uint32_t region_slice(const struct region *region, const struct page *page)
{
    return (uint32_t)(page - region_page(region, 0));
}

#endif
