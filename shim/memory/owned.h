/*
 * owned: the list of large private mappings that the program made itself, with the threads that made them, for next
 * touch and relocation. An entry has the form of a big object of the arenas (arena/big.h), but the mapping remains
 * entirely the program's.
 *
 * Any thread, errno kept. When a signal handler interrupts a call of the same thread, its own calls do nothing, and its
 * mappings are not listed.
 */
#ifndef NODEWISE_SHIM_MEMORY_OWNED_H
#define NODEWISE_SHIM_MEMORY_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/big.h"

#define OWNED_MOST   128u       /* further mappings are not listed and stay where they are */
#define OWNED_REGION UINT32_MAX /* struct big.region of an entry, which belongs to no region of the arenas */

/* The calling thread made the mapping with mmap(2). Mappings smaller than BIG_SIZE are not listed. */
void owned_add(void *start, size_t size);
/*
 * The range is unmapped or replaced. The remaining parts of mappings that overlap it are listed as mappings of their
 * own.
 */
void owned_remove(const void *start, size_t size);

/* The program called mremap(2). A listed mapping is now listed at its new place. */
void owned_moved(const void *old_start, size_t old_size, void *start, size_t size);

/* Lists the mappings of one maker, or of all for tid 0. Returns their number. */
uint32_t owned_list(struct big *ret_mappings, uint32_t most, uint32_t tid);
/* Is the mapping still listed? With `mark` it counts as moved (`away`) from now on. */
bool owned_check(const struct big *mapping, bool mark);
uint32_t owned_count(void);
void owned_forked(void);

#endif
