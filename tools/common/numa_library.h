/*
 * numa_library: libnuma, loaded when memory is to be moved or measured. When it is loaded it asks the kernel about CPUs and memory
 * policies. A seccomp filter that the command was started under may kill for that, and `nodewise run` makes none of these
 * calls itself.
 */
#ifndef NODEWISE_TOOLS_COMMON_NUMA_LIBRARY_H
#define NODEWISE_TOOLS_COMMON_NUMA_LIBRARY_H

#include <numa.h>

struct numa_library {
    __typeof__(numa_available) *available;
    __typeof__(numa_distance) *distance;
    __typeof__(numa_move_pages) *move_pages;
    __typeof__(numa_tonode_memory) *tonode_memory;
    __typeof__(numa_node_size64) *node_size64;
    __typeof__(numa_set_bind_policy) *set_bind_policy;
    __typeof__(numa_set_strict) *set_strict;
};

/* 0, or -ELIBACC: it is not here. Loaded once; not thread-safe. */
int numa_library_load(const struct numa_library **ret_library);

#endif
