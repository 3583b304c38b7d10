/*
 * owned: large private mappings that the program made itself, with who made them, for next touch and relocation: as big
 * objects of the arenas are (arena/big.h), but these are the program's in every respect.
 *
 * Any thread; not in signal handlers that interrupted a call of the same thread (they are then not listed). errno kept.
 */
#ifndef NODEWISE_SHIM_MEMORY_OWNED_H
#define NODEWISE_SHIM_MEMORY_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/big.h"

#define OWNED_MOST   128u       /* more are left where they are */
#define OWNED_REGION UINT32_MAX /* as struct big's region: none of the arenas' */

/* mmap(2) made it, in the calling thread. Those smaller than BIG_SIZE are not listed. */
void owned_add(void *start, size_t size);
/* What is left of those that overlap are mappings of their own. */
void owned_remove(const void *start, size_t size);

/* mremap(2): a known one is one there. */
void owned_moved(const void *old_start, size_t old_size, void *start, size_t size);

/* Those of a maker, or all for tid 0. Returns how many. */
uint32_t owned_list(struct big *ret_mappings, uint32_t most, uint32_t tid);
/* Is it still there? With `mark` it counts as away from now on. */
bool owned_check(const struct big *mapping, bool mark);
uint32_t owned_count(void);
void owned_forked(void);

#endif
