/*
 * small: blocks of up to 64 KiB, behind the fast paths of malloc and free (shim/interpose/memory.c).
 *
 * The caller's thread has borrowed the heap, where one is named. errno is kept.
 */
#ifndef NODEWISE_SHIM_ARENA_SMALL_H
#define NODEWISE_SHIM_ARENA_SMALL_H

#include <stdbool.h>

#include "shim/arena/heap.h"

/* Blocks that a bin keeps before it gives half of them back to their pages. */
uint32_t small_bin_limit(unsigned class_number);

/* A block of the class. NULL: no memory can be had. */
void *small_allocate(struct heap *heap, unsigned class_number, bool *ret_zeroed);

/* A block of the heap's region goes into its bin. */
void small_free_own(struct bin *bin, void *block);
/* The bin of the caller's heap has no budget left: if it holds more than its limit, a half goes back to the pages. */
void small_look(struct bin *bin);

/* What the bins of a heap hold, in KiB. */
uint32_t small_held_kib(const struct heap *heap);

/* Gives empty pages back: those kept in reserve, or all that become empty when every bin is flushed. */
void small_release_spares(struct heap *heap);
void small_release_empty(struct heap *heap);

/* Pages of one region without a block in use, of any heap before, which no list and no other thread has. */
void small_give_up(struct page *const *pages, uint32_t count);

/* Empty pages go to the region, and no page has more blocks made than it has. */
void small_seal(struct heap *heap);

#endif
