/*
 * mapping: memory.regions: what the program maps with mmap(2) gets what the first fitting table of its thread's rule
 * says: a memory policy (mbind(2)), huge pages, its pages made at once. The mapping itself is the program's in every
 * respect; what could not be had is counted with its reason and read back where the kernel can be asked. Large ones
 * without a policy are remembered for next touch and relocation (owned.h).
 *
 * Any thread; signal-safe but for tables with `library` or `function`, which may ask the loader. errno kept.
 */
#ifndef NODEWISE_SHIM_PLACE_MAPPING_H
#define NODEWISE_SHIM_PLACE_MAPPING_H

#include <stddef.h>

/* mmap(2) succeeded with these arguments, called from `caller`. */
void mapping_made(void *start, size_t size, int protection, int flags, const void *caller);

#endif
