/*
 * bootstrap: memory for the calls that come before anything is decided: from the loader, from constructors that run
 * before ours, and from our own start-up (setenv, and dlsym's calloc in old C libraries).
 *
 * A static pool that is only ever added to; when it is full, whole mappings. Freeing is nothing. Any thread;
 * signal-safe.
 */
#ifndef NODEWISE_SHIM_ARENA_BOOTSTRAP_H
#define NODEWISE_SHIM_ARENA_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed; alignment: a power of two. NULL: no memory can be had. */
void *bootstrap_allocate(size_t alignment, size_t size);
bool bootstrap_owns(const void *pointer);
size_t bootstrap_size(const void *pointer);

#endif
