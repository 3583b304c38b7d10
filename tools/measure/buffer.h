/*
 * buffer: memory on one node, to be read. It is bound there by libnuma, in huge pages where the kernel gives them, and
 * where its pages are is asked of the kernel: one whose pages are elsewhere is no buffer.
 */
#ifndef NODEWISE_TOOLS_MEASURE_BUFFER_H
#define NODEWISE_TOOLS_MEASURE_BUFFER_H

#include <stdint.h>

#include "tools/common/numa_library.h"
#include "tools/measure/sites.h"

struct buffer {
    void *memory; /* `size` bytes on huge page boundaries, all there and of zeros */
    size_t size;
    uint64_t huge_bytes; /* of it in huge pages, as the kernel says */
    void *mapping;
    size_t mapped;
};

/* 0, or a negative errno with the reason in words; -EXDEV: pages are on another node. */
int buffer_make(struct buffer *ret_buffer, const struct numa_library *numa, unsigned node, size_t size,
                char ret_why[WHY_SIZE]);
void buffer_free(struct buffer *buffer);

#endif
