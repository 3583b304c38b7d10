#include "shim/interpose/first_thread.h"

#include <errno.h>

#include "shim/arena/arena.h"
#include "shim/base/next.h"
#include "shim/base/state.h"

#define NO_PARAMETER 0 /* of mallopt(3), which sets the allocator up and changes nothing then */

_Atomic bool first_thread_is_ready ON_DATA_PAGE;

void first_thread_make_ready(void)
{
    int saved = errno;
    next_bind_rest();
    if (arena_is_on() && NEXT(mallopt))
        NEXT(mallopt)(NO_PARAMETER, 0);
    atomic_store_explicit(&first_thread_is_ready, true, memory_order_release); /* pairs with another creator's load */
    errno = saved;
}
