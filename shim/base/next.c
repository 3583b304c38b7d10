#include "shim/base/next.h"

#include <dlfcn.h>

#include "shim/base/state.h"

struct next next_table ON_DATA_PAGE;

void *next_find(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void next_bind(void)
{
#define EARLY_SYMBOL(result, name, ...)                                                                                \
    if (!NEXT(name))                                                                                                   \
        atomic_store_explicit(&next_table.name, (next_##name *)next_find(#name), memory_order_relaxed);
#define LATE_SYMBOL(result, name, ...)
#include "shim/base/symbols.def"
}
