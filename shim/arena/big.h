/*
 * big: the large objects of a region that are worth moving to another node: of 1 MiB and more, and those with room to
 * grow. A list for each region, kept under its lock, which is held anyway when such a span is taken or given.
 *
 * An object whose memory was moved is `away`. Its addresses still say the region's node, so no other object may get
 * them before that memory is gone: a span that was away goes back to the kernel when it is freed (span_give_away()).
 */
#ifndef NODEWISE_SHIM_ARENA_BIG_H
#define NODEWISE_SHIM_ARENA_BIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/region.h"

#define BIG_SLICES 16u
#define BIG_SIZE   ((size_t)BIG_SLICES << SLICE_SHIFT)

/* One object as it was when it was listed. */
struct big {
    uintptr_t start;
    size_t size; /* bytes in use */
    uint32_t serial, region, maker;
    uint16_t rule;
    bool away; /* some of a mapping (memory/owned.h) was moved after its users */
};

/* With the region's lock held. A span that is listed already, or too small, is left alone. */
void big_add(struct region *region, struct page *page);
void big_remove(struct region *region, struct page *page);

/* The object was given to the program, by the calling thread. */
void big_made(struct page *page, uint32_t rule);

/* Up to `most` objects of the region that are in use. Takes the lock. Returns how many. */
uint32_t big_list(struct region *region, struct big *ret_objects, uint32_t most);

/* Is it still the same object, in use? With `mark` it counts as away from now on. Takes the region's lock. */
bool big_check(const struct big *big, bool mark);

/* Objects in all lists, roughly. Any thread, no lock. */
uint32_t big_count(void);

#endif
