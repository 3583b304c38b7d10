#include "shim/interpose/next.h"

#include <dlfcn.h>

#include "shim/start/start.h"
#include "shim/state.h"

struct next nw_next ON_DATA_PAGE;

void *next_find(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void next_bind(void)
{
#define EARLY_SYMBOL(name, family, required)                                                                           \
    if (!NEXT(name))                                                                                                   \
        atomic_store_explicit(&nw_next.name, (next_##name *)next_find(#name), memory_order_relaxed);
#define LATE_SYMBOL(name, family, required)
#include "shim/interpose/symbols.def"
}

void next_ready(void)
{
    if (atomic_load_explicit(&nw_shim.phase, memory_order_relaxed) == PHASE_LOADING)
        shim_start();
    if (!NEXT(pthread_create)) /* start-up is under way in another thread, or in our own caller */
        next_bind();
}
