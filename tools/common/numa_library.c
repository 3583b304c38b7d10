#include "tools/common/numa_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define NAME "libnuma.so.1"

#define FIND(function) (library.function = (__typeof__(library.function))dlsym(handle, "numa_" #function))

static bool is_whole(const struct numa_library *library)
{
    return library->available && library->distance && library->move_pages && library->tonode_memory &&
           library->node_size64 && library->set_bind_policy && library->set_strict;
}

int numa_library_load(const struct numa_library **ret_library)
{
    static struct numa_library library;
    void *handle = library.available ? NULL : dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
    if (handle) {
        FIND(distance);
        FIND(move_pages);
        FIND(tonode_memory);
        FIND(node_size64);
        FIND(set_bind_policy);
        FIND(set_strict);
        FIND(available);
    }
    *ret_library = &library;
    return is_whole(&library) ? 0 : -ELIBACC;
}
