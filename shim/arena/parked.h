/*
 * parked: the heaps of a region that no thread has borrowed.
 *
 * Their pages stay in use: by blocks of ended threads, or of threads that run on another node now. What other threads
 * free of these stays on the pages until a thread borrows the heap again, which may never happen, or until a thread
 * that frees much for others collects it (remote.h).
 */
#ifndef NODEWISE_SHIM_ARENA_PARKED_H
#define NODEWISE_SHIM_ARENA_PARKED_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"
#include "shim/arena/region.h"

/* With the region's lock held: no thread has the heap from here on, and it is the first to be taken. */
void parked_add(struct region *region, struct heap *heap);
/*
 * The same: a heap that worked on this core before, if one is near the front; NULL: there is none. It leaves the list.
 */
struct heap *parked_take(struct region *region, uint32_t core);

/* Without the lock. Empty pages of all parked heaps, and what other threads have freed there, back to the region. */
void parked_collect(struct region *region);

/* The same for those that were parked age_ms ago at least. Returns how many of them held something. */
uint32_t parked_collect_idle(struct region *region, uint32_t now, uint32_t age_ms);

/* parked_collect(), and then all dirty memory goes back to the kernel. Returns whether any went. */
bool region_trim(struct region *region);

#endif
