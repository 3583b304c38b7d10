#include "shim/memory/early.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/memory/sampler.h"
#include "shim/memory/seen.h"
#include "shim/sys/allowed.h"
#include "shim/telemetry/segment.h"

/* In a mapping of its own: too large for the stack of a thread whose size the program chose. */
struct telling {
    struct sampler sampler;
    struct seen seen;
};

static _Atomic bool wanted;
static _Atomic bool due; /* there is a ring that the worker has not read */
static struct watched main_thread;
static uint64_t began_at; /* monotonic ns */

bool early_is_wanted(void)
{
    return atomic_load_explicit(&wanted, memory_order_relaxed);
}

void early_begin(void)
{
    int saved = errno;
    if (!shim_needs(PLAN_HAS_NEXT_TOUCH) || shim.plan.count[PLAN_NODES] < 2 || !sampler_may_look())
        return;
    atomic_store(&wanted, true);
    began_at = monotonic_ns();
    int error = sampler_watch_alone(&main_thread, shim.pid, (uintptr_t)__builtin_thread_pointer());
    if (error < 0)
        segment_following(false, REASON_NO_SAMPLING);
    atomic_store(&due, error == 0);
    errno = saved;
}

/* The window is one, however long it was: its pages are asked about when there are many. */
static void note(void *context, const struct seen_access *access)
{
    struct telling *self = context;
    if (self->seen.count >= SEEN_PAGES / 2)
        seen_look(&self->seen, &self->seen.opened);
    if (access->cpu < shim.plan.count[PLAN_CPUS])
        seen_note(&self->seen, access, shim.plan.cpus[access->cpu].node);
}

static void tell(struct telling *self)
{
    seen_open(&self->seen, &(struct seen_clock){.now = began_at});
    sampler_read_alone(&self->sampler, &main_thread, note, self);
    for (uint32_t i = 0; i < SEEN_TRIES; i++)
        seen_look(&self->seen, &self->seen.opened);
    const struct seen_clock end = seen_now(self->sampler.samples);
    seen_pause(&self->seen, &end);
}

void early_tell(void)
{
    int saved = errno;
    if (!atomic_exchange(&due, false))
        return;
    struct telling *self = raw_mmap(NULL, sizeof(*self), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (self != MAP_FAILED) {
        tell(self);
        raw_munmap(self, sizeof(*self));
    }
    sampler_end_alone(&main_thread);
    errno = saved;
}

void early_forked(void)
{
    if (atomic_load(&due))
        atomic_store(&due, false);
}
