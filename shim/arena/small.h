/*
 * small: blocks of up to 64 KiB, behind the fast paths of malloc and free (shim/interpose/memory.c).
 *
 * The caller's thread has borrowed `heap`. errno is kept.
 */
#ifndef NODEWISE_SHIM_ARENA_SMALL_H
#define NODEWISE_SHIM_ARENA_SMALL_H

#include <stdbool.h>

#include "shim/arena/heap.h"

/* A block of the class, from a page that has one or a new page. NULL: no memory can be had. */
void *small_allocate(struct heap *heap, unsigned class_number, bool *ret_zeroed);

/* A block of one of this heap's own pages that the fast path did not take: the page is full, or `block` is not in its
 * first slice. */
void small_free_own(struct heap *heap, struct page *page, void *block);
/* Counted already; the page has no block in use any more. */
void small_page_emptied(struct page *page);

/* A block of a page of another heap: one atomic push. Any thread. */
void remote_push(struct page *page, void *block);

/* Puts the pages that other threads have freed blocks of back into their lists. */
void small_take_delayed(struct heap *heap);
/* Gives empty pages back: all of them, or those that the heap keeps in reserve. */
void small_release_spares(struct heap *heap);
void small_release_empty(struct heap *heap);

#endif
