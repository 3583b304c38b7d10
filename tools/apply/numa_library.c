#include "tools/apply/numa_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#define NAME "libnuma.so.1"

int numa_library_load(const struct numa_library **ret_library)
{
    static struct numa_library library;
    void *handle = library.available ? NULL : dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
    if (handle) {
        library.distance = (__typeof__(library.distance))dlsym(handle, "numa_distance");
        library.move_pages = (__typeof__(library.move_pages))dlsym(handle, "numa_move_pages");
        library.available = (__typeof__(library.available))dlsym(handle, "numa_available");
    }
    *ret_library = &library;
    return library.available && library.distance && library.move_pages ? 0 : -ELIBACC;
}
