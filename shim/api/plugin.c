#include "shim/api/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* false: the loader was given a relative path, which another folder may have by now, or the path is too long. */
static bool find(const char *file, char *ret_path, size_t room)
{
    static const char here;
    Dl_info info;
    if (!dladdr(&here, &info) || info.dli_fname[0] != '/')
        return false;
    int folder = (int)(strrchr(info.dli_fname, '/') - info.dli_fname);
    int length = snprintf(ret_path, room, "%.*s/nodewise/%s", folder, info.dli_fname, file);
    return length > 0 && (size_t)length < room;
}

const void *plugin_open(const char *file, const char *symbol)
{
    char path[PATH_MAX];
    void *library = find(file, path, sizeof(path)) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const void *table = library ? dlsym(library, symbol) : NULL;
    dlerror(); /* what failed here is not the program's to find */
    return table;
}
