#include "shim/interpose/next.h"

#include <dlfcn.h>

#include "shim/start/start.h"
#include "shim/state.h"

struct next nw_next ON_DATA_PAGE;

void next_bind(void)
{
#define SYMBOL(name, family, required)                                                                                 \
    if (!NEXT(name))                                                                                                   \
        atomic_store_explicit(&nw_next.name, (next_##name *)dlsym(RTLD_NEXT, #name), memory_order_relaxed);
#include "shim/interpose/symbols.def"
#undef SYMBOL
}

void next_ready(void)
{
    if (atomic_load_explicit(&nw_shim.phase, memory_order_relaxed) == PHASE_LOADING)
        shim_start();
    if (!NEXT(pthread_create)) /* start-up is under way in another thread, or in our own caller */
        next_bind();
}
