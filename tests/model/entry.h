/*
 * entry: the arenas' malloc under names of its own, so that a program can use it beside the malloc of a sanitizer.
 * As the functions of the same names without the prefix.
 */
#ifndef NODEWISE_TESTS_MODEL_ENTRY_H
#define NODEWISE_TESTS_MODEL_ENTRY_H

#include <stddef.h>

void *model_malloc(size_t size);
void *model_calloc(size_t count, size_t size);
void *model_realloc(void *pointer, size_t size);
void *model_reallocarray(void *pointer, size_t count, size_t size);
int model_posix_memalign(void **ret_pointer, size_t alignment, size_t size);
void *model_memalign(size_t alignment, size_t size);
void *model_aligned_alloc(size_t alignment, size_t size);
void *model_valloc(size_t size);
void *model_pvalloc(size_t size);
void model_free(void *pointer);
void model_cfree(void *pointer);
void model_free_sized(void *pointer, size_t size);
void model_free_aligned_sized(void *pointer, size_t alignment, size_t size);
size_t model_malloc_usable_size(void *pointer);

#endif
