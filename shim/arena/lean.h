/*
 * lean: regions that map only what they use.
 *
 * RLIMIT_AS counts a reservation, and RLIMIT_DATA all that was ever made usable. Where one of them is set (limits.h), the
 * regions keep their addresses and give the rest back. A lean region maps what is in use or dirty, and up to a step
 * beyond the frontier. Its clean spans, what lies behind, and the tables for that are unowned: the kernel may put other
 * mappings there, and what another allocator gave out there is foreign (lean_is_hole()). A region stays lean when the
 * limit is raised; it costs a call where memory is taken anew.
 *
 * Mappings of others come from above, regions grow from below, so they seldom meet. Where they do, the slices become a
 * hole (PAGE_HOLE) and the region goes on behind it.
 *
 * A limit on address space may be below what the process has mapped. The C library lives on then from what it reserved
 * for its arenas before, so a region does, too: it is shortened first, and keeps a part of its reservation (limits.h). A
 * short region is as before but for its length; all that it had is given back when it becomes lean.
 *
 * With the region's lock held, but for lean_is_hole() and lean_choose(). errno is kept.
 */
#ifndef NODEWISE_SHIM_ARENA_LEAN_H
#define NODEWISE_SHIM_ARENA_LEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/region.h"

/* Shorter free spans stay mapped: each hole is one more of the areas that vm.max_map_count limits. */
#define LEAN_LEAST 16u

/* Start-up: places region_map where nothing is, without reserving it. false: no room among the addresses. */
bool lean_choose(uint32_t regions);

/* Maps these slices, readable, writable and zero. 0, -ENOMEM, or -EEXIST where another mapping is. */
int lean_map(struct region *region, uint32_t slice, uint32_t count);
/* false: the kernel refused, and they stay mapped. */
bool lean_unmap(struct region *region, uint32_t slice, uint32_t count);
/* Maps descriptors and classes up to that slice, if they are not there yet. As lean_map(). */
int lean_describe(struct region *region, uint32_t to);
/* The frontier went back from there, and what lies before is unmapped: what is mapped behind it goes, too. */
void lean_drop(struct region *region, uint32_t from);

/* Gives back what is mapped beyond the frontier; the first time, all of the reservation that was never used. */
void lean_cut(struct region *region);

/*
 * Gives the reservation back but for its first `slices`, or what is used of it if that is more. false: it cannot have so
 * many and is as it was.
 */
bool lean_shorten(struct region *region, uint32_t slices);

/* Bytes from the region's start whose classes can be read: what free's fast path may look at. */
static inline uintptr_t lean_reach(const struct region *region)
{
    return region->lean || region->shortened ? (uintptr_t)region->described << SLICE_SHIFT
                                             : (uintptr_t)1 << region_map.shift;
}

/* Is the address, which lies in region_map's range, in no mapping of the arenas? Any thread, no lock. */
static inline bool lean_is_hole(uintptr_t offset)
{
    if (!atomic_load_explicit(&region_map.lean, memory_order_relaxed))
        return false;
    const struct region *region = &region_list[offset >> region_map.shift];
    uint32_t slice = (uint32_t)((offset & (((uintptr_t)1 << region_map.shift) - 1)) >> SLICE_SHIFT);
    if (slice >= counter_read(&region->committed))
        return true;
    enum page_kind kind = page_kind(page_of(offset));
    return kind == PAGE_CLEAN || kind == PAGE_HOLE;
}

#endif
