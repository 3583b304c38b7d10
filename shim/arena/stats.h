/*
 * stats: counting without a shared cache line, and without an instruction in the fast paths beyond what they need.
 *
 * A page counts its blocks anyway. Its heap takes the difference over when the page leaves the fast path, and tells the
 * telemetry at most every DECAY_EVERY ms: exact at an end, some pages behind while a program runs.
 */
#ifndef NODEWISE_SHIM_ARENA_STATS_H
#define NODEWISE_SHIM_ARENA_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "shim/arena/heap.h"

struct arena_totals {
    size_t reserved, usable, in_use, dirty, live; /* bytes; live: in blocks and large objects of the program */
    size_t large_objects, heaps;
};

/* The page's blocks into the heap's counters. The caller is the borrower. */
void stats_page(struct heap *heap, struct page *page);
/* What is new to the telemetry. The caller is the borrower, or nobody is. */
void stats_tell(struct heap *heap);

/* Walks the descriptors of everything in use, region by region under its lock: for reports, not for a loop. */
void stats_totals(struct arena_totals *ret_totals);
void stats_region(const struct region *region, struct arena_totals *ret_totals);

#endif
