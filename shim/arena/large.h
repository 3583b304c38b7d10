/*
 * large: objects of more than 64 KiB, each a span of its own, taken and given back under the region's lock by any
 * thread. A heap keeps the few that its thread freed last, for programs that allocate and free one in turn.
 *
 * A block that realloc grows for the second time becomes such an object before it is large, at the beginning of a span
 * with room (STATE_ROOM), and then grows in its place without a lock or a copy. The room is address space: it is clean
 * until it is used. `used` is then the object's size in slices, `block_size` how far it ever reached. When a region has
 * many of those, or is small, objects get less (STATE_GROWN: less than a slice in one of its own).
 */
#ifndef NODEWISE_SHIM_ARENA_LARGE_H
#define NODEWISE_SHIM_ARENA_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/heap.h"

/* alignment: in slices, a power of two. NULL: no memory can be had. */
void *large_allocate(struct heap *heap, size_t size, size_t alignment, bool *ret_zeroed);
/* For a block that realloc keeps growing; room for more is taken along. */
void *large_allocate_growing(struct heap *heap, size_t size);
/*
 * Makes an object, or a small block, zero that was in use before. Where it is large the kernel takes its pages back, as
 * it does for the C library's mapped blocks: only what the program uses of it gets memory again.
 */
void *large_clear(void *block, size_t size);
void large_free(struct page *page);
/* realloc(3): in place where what follows is free. */
void *large_reallocate(struct page *page, size_t size);

/* The kept ones back to the region: all, or those that were there at the last look already. */
void large_release_cached(struct heap *heap);
void large_age_cached(struct heap *heap);

/* realloc moves a block of this size to be a large object when it goes on growing. */
#define GROWING_LEAST 1024u

/* Bytes that the program may use. */
static inline size_t large_size(const struct page *page)
{
    return (size_t)(page->state & STATE_ROOM ? page->used : page->slices) << SLICE_SHIFT;
}

#endif
