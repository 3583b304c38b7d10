#include "shim/worker/title.h"

#include <errno.h>
#include <stdatomic.h>

#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/place/settle.h"
#include "shim/worker/worker.h"

static _Atomic uint64_t due_at; /* monotonic ns; 0: no title is awaited */

void title_forked(void)
{
    uint64_t delay = shim.plan.header->match_delay_us * UINT64_C(1000);
    bool due = delay && shim_needs(PLAN_NEEDS_FORK);
    atomic_store(&due_at, due ? monotonic_ns() + delay : 0);
    if (due)
        worker_wake(); /* the child of a server may pass no hook for a long time */
}

uint64_t title_wait(void)
{
    uint64_t at = atomic_load_explicit(&due_at, memory_order_relaxed);
    if (!at)
        return UINT64_MAX;
    uint64_t now = monotonic_ns();
    return at > now ? at - now : 0;
}

void title_look(void)
{
    uint64_t at = atomic_load_explicit(&due_at, memory_order_relaxed);
    int saved = errno;
    if (title_wait() != 0 || !atomic_compare_exchange_strong(&due_at, &at, 0))
        return;
    facts_read_title();
    struct thread *main = thread_find(shim.pid);
    if (main)
        settle_work(main, WORK_MATCH);
    errno = saved;
}
