/*
 * large: objects of more than 64 KiB, each a span of its own, taken and given back under the region's lock by any
 * thread.
 */
#ifndef NODEWISE_SHIM_ARENA_LARGE_H
#define NODEWISE_SHIM_ARENA_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/heap.h"

/* alignment: in slices, a power of two. NULL: no memory can be had. */
void *large_allocate(struct heap *heap, size_t size, uint32_t alignment, bool *ret_zeroed);
void large_free(struct page *page);
/* realloc(3): in place where what follows is free. */
void *large_reallocate(struct page *page, size_t size);

/* Bytes that the program may use. */
static inline size_t large_size(const struct page *page)
{
    return (size_t)page->slices << SLICE_SHIFT;
}

#endif
