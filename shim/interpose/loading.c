/*
 * loading: forwards dlopen without RTLD_DEEPBIND when the arenas are on. A library that is bound deeply finds libc's
 * free but gets blocks from libc functions (asprintf, getline, strdup) that use the shim's malloc, and it would abort.
 *
 * dlopen takes the caller's DT_RUNPATH from its return address, so the call must be the last action here, as a jump.
 */
#include <dlfcn.h>
#include <stddef.h>

#include "shim/arena/arena.h"
#include "shim/arena/limits.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/start/start.h"

#if __has_attribute(optimize)
#define TAIL_CALLS __attribute__((optimize("O2,omit-frame-pointer"))) /* also in a build for debugging */
#else
#define TAIL_CALLS
#endif

PUBLIC TAIL_CALLS void *dlopen(const char *file, int mode)
{
    shim_ready();
    if (arena_is_on()) {
        mode &= ~RTLD_DEEPBIND;
        limits_make_room(); /* the loader's mappings need room, and its failure would not be seen here */
    }
    next_dlopen *next = NEXT_OR_BIND(dlopen);
    return next ? next(file, mode) : NULL;
}
