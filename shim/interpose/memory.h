/*
 * memory: the shim's malloc and its family under names that cannot be taken over. A program may bring a malloc that calls
 * __libc_malloc, which the shim has taken over as well: a call of malloc from there would come back to the program's.
 *
 * As malloc(3): any thread.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_MEMORY_H
#define NODEWISE_SHIM_INTERPOSE_MEMORY_H

#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN void *own_malloc(size_t size);
HIDDEN void *own_calloc(size_t count, size_t size);
HIDDEN void *own_realloc(void *pointer, size_t size);
HIDDEN void own_free(void *pointer);
HIDDEN void *own_memalign(size_t alignment, size_t size);
HIDDEN void *own_valloc(size_t size);
HIDDEN void *own_pvalloc(size_t size);
HIDDEN size_t own_malloc_usable_size(void *pointer);

#undef HIDDEN

#endif
