#include "shim/base/next.h"

#include <dlfcn.h>

#include "shim/base/object.h"
#include "shim/base/state.h"
#include "shim/sys/glibc.h"

#define DLSYM_IN_LIBC 34u /* of glibc 2 */

struct next next_table ON_DATA_PAGE;

/*
 * In older versions a look-up that fails would leave a text for the program's dlerror(3), and a program that does not load
 * libdl.so.2 has no dlsym. Other libraries than glibc have it in any case.
 */
static bool libc_has_dlsym(void)
{
    unsigned minor = glibc_minor();
    return minor == 0 || minor >= DLSYM_IN_LIBC;
}

static void *find_by_walking(enum object_range range, const char *name)
{
    void *found = NULL;
    object_find(range, name, 1, &found);
    return found;
}

static next_dlsym *bind_dlsym(void)
{
    next_dlsym *found = (next_dlsym *)find_by_walking(OBJECTS_BEHIND, "dlsym");
    atomic_store_explicit(&next_table.dlsym, found, memory_order_relaxed);
    return found;
}

static void *find(void *where, const char *name)
{
    if (!libc_has_dlsym())
        return find_by_walking(where == RTLD_NEXT ? OBJECTS_BEHIND : OBJECTS_ALL, name);
    next_dlsym *by_libc = NEXT(dlsym);
    if (UNLIKELY(!by_libc))
        by_libc = bind_dlsym();
    return by_libc ? by_libc(where, name) : NULL;
}

void *next_find(const char *name)
{
    return find(RTLD_NEXT, name);
}

void *next_find_first(const char *name)
{
    return find(RTLD_DEFAULT, name);
}

/* --- all at once --- */

enum {
#define SYMBOL(result, name, ...) INDEX_##name,
#include "shim/base/called.def"
#include "shim/base/symbols.def"
#undef SYMBOL
    COUNT
};

void next_bind_rest(void)
{
    static const char names[] =
#define SYMBOL(result, name, ...) #name "\0"
#include "shim/base/called.def"
#include "shim/base/symbols.def"
#undef SYMBOL
        ;
    void *found[COUNT] = {
#define SYMBOL(result, name, ...) (void *)NEXT(name),
#include "shim/base/called.def"
#include "shim/base/symbols.def"
#undef SYMBOL
    };
    object_find(OBJECTS_BEHIND, names, COUNT, found);
#define SYMBOL(result, name, ...)                                                                                      \
    if (found[INDEX_##name])                                                                                           \
        atomic_store_explicit(&next_table.name, (next_##name *)found[INDEX_##name], memory_order_relaxed);
#include "shim/base/called.def"
#include "shim/base/symbols.def"
#undef SYMBOL
}

void next_bind(void)
{
    if (!libc_has_dlsym()) {
        next_bind_rest();
        return;
    }
#define EARLY_SYMBOL(result, name, ...)                                                                                \
    if (!NEXT(name))                                                                                                   \
        atomic_store_explicit(&next_table.name, (next_##name *)next_find(#name), memory_order_relaxed);
#define LATE_SYMBOL(result, name, ...)
#include "shim/base/symbols.def"
}
