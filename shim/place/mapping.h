/*
 * mapping: memory.regions. A mapping that the program makes with mmap(2) gets what the first matching mapping rule of
 * its thread's rule says: a memory policy (mbind(2)), huge pages, pages that are present at once. The mapping remains
 * entirely the program's. What is not granted is counted with its reason; the memory policy is read back from the
 * kernel. Large private mappings without a policy are listed for next touch and relocation (memory/owned.h).
 *
 * Any thread. Signal-safe except for mapping rules with `library` or `function`, which may call the loader. errno kept.
 */
#ifndef NODEWISE_SHIM_PLACE_MAPPING_H
#define NODEWISE_SHIM_PLACE_MAPPING_H

#include <stddef.h>

/* The program's mmap(2) succeeded with these arguments. caller: the return address of the call. */
void mapping_made(void *start, size_t size, int protection, int flags, const void *caller);

#endif
