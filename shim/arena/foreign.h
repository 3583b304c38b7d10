/*
 * foreign: pointers and calls that are not the arenas' business: they go to the allocator that would serve the program
 * without us (the next definition of malloc behind ours), so what it gave out is freed where it came from.
 *
 * While that allocator is not known yet, or in the middle of being looked up, the bootstrap pool serves.
 */
#ifndef NODEWISE_SHIM_ARENA_FOREIGN_H
#define NODEWISE_SHIM_ARENA_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* Looks the next allocator up; false: not possible now. After a true, NEXT(malloc) and NEXT(free) can be called. */
bool foreign_bind(void);

void *foreign_malloc(size_t size);
void *foreign_calloc(size_t size);
void *foreign_aligned(size_t alignment, size_t size);
void *foreign_realloc(void *pointer, size_t size);
void foreign_free(void *pointer);
size_t foreign_usable_size(void *pointer);

#endif
