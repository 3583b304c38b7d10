/*
 * shared_memory: memory that processes hand each other as a descriptor. It is sealed: nobody can shrink it under the others,
 * who would die of SIGBUS.
 *
 * Negative errno. Any thread.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_SHARED_MEMORY_H
#define NODEWISE_SHIM_API_EXCHANGE_SHARED_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, mapped; its pages are to come from the node (-1: from any). The descriptor is the caller's to close. */
int shared_memory_make(const char *name, size_t size, int32_t node, void **ret_start, int *ret_fd);
/* Maps what another process made. -EBADMSG: it is smaller than that, or not sealed. The descriptor stays open. */
int shared_memory_take(int fd, size_t size, void **ret_start);
void shared_memory_free(void *start, size_t size);

#endif
