/*
 * The plug-in is opened by its absolute path, which follows from where this library itself was loaded from: neither the
 * environment nor a search path has a say. It stays open: its code may be asked for at any time.
 */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shim/api/io/io.h"

static const struct io_engine *plugin;
static pthread_once_t opened = PTHREAD_ONCE_INIT;

/* false: the loader was given a relative path, which another folder may have by now, or the path is too long. */
static bool find(char *ret_path, size_t room)
{
    Dl_info info;
    if (!dladdr(&opened, &info) || info.dli_fname[0] != '/')
        return false;
    int folder = (int)(strrchr(info.dli_fname, '/') - info.dli_fname);
    int length = snprintf(ret_path, room, "%.*s/nodewise/libnodewise-uring.so", folder, info.dli_fname);
    return length > 0 && (size_t)length < room;
}

static void open_plugin(void)
{
    char path[PATH_MAX];
    void *library = find(path, sizeof(path)) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct io_engine *engine = library ? dlsym(library, IO_ENGINE_SYMBOL) : NULL;
    if (engine && engine->version == IO_ENGINE_VERSION)
        plugin = engine;
    dlerror(); /* what failed here is not the program's to find */
}

const struct io_engine *io_plugin(void)
{
    pthread_once(&opened, open_plugin);
    return plugin;
}
