/*
 * parked: the heaps of a region that nobody has borrowed.
 *
 * Their pages go on being in use: by blocks that ended threads left behind, or threads that have gone to another node.
 * What others free of these stays on its pages until the heap is borrowed again, which may be never, or until somebody
 * who frees much for others goes over them (remote.h).
 */
#ifndef NODEWISE_SHIM_ARENA_PARKED_H
#define NODEWISE_SHIM_ARENA_PARKED_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"
#include "shim/arena/region.h"

/* With the region's lock held: the heap is nobody's from here on, and the first to be taken. */
void parked_add(struct region *region, struct heap *heap);
/* The same: a heap that worked on this core before, if one is near; NULL: there is none. It is in no list any more. */
struct heap *parked_take(struct region *region, uint32_t core);

/* Without the lock. Empty pages of all parked heaps, and what others have freed there, back to the region. */
void parked_collect(struct region *region);

/* parked_collect(), and then all dirty memory goes back to the kernel. Returns whether any went. */
bool region_trim(struct region *region);

#endif
