#include "shim/worker/upkeep.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "shim/arena/arena.h"
#include "shim/arena/limits.h"
#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/memory/relocation.h"
#include "shim/place/place.h"
#include "shim/worker/relocate.h"
#include "shim/worker/request.h"
#include "shim/worker/sweep.h"
#include "shim/worker/title.h"
#include "shim/worker/worker.h"

#define LOOK_EVERY NS_PER_S

static _Atomic uint64_t looked_at; /* monotonic ns */

/* --- the worker's view of the jobs --- */

static uint64_t when(bool due)
{
    return due ? 0 : UINT64_MAX;
}

static uint64_t wait_request(const struct upkeep *upkeep)
{
    (void)upkeep;
    return when(request_is_due());
}

static void run_request(struct upkeep *upkeep)
{
    (void)upkeep;
    request_run();
}

static uint64_t wait_sweep(const struct upkeep *upkeep)
{
    (void)upkeep;
    return when(sweep_is_due());
}

static void run_sweep(struct upkeep *upkeep)
{
    (void)upkeep;
    sweep_run(thread_own_tid());
}

static uint64_t wait_relocation(const struct upkeep *upkeep)
{
    /* when the kernel refuses to move pages at all, the orders stay unexecuted */
    return when((!upkeep || !upkeep->mover.error) && relocation_is_due());
}

static void run_relocation(struct upkeep *upkeep)
{
    relocate_run(&upkeep->mover);
}

static uint64_t wait_title(const struct upkeep *upkeep)
{
    (void)upkeep;
    return title_wait();
}

static void run_title(struct upkeep *upkeep)
{
    (void)upkeep;
    title_look();
}

static uint64_t wait_rebalance(const struct upkeep *upkeep)
{
    return upkeep && rebalance_goes_on(&upkeep->rebalance) ? rebalance_wait(&upkeep->rebalance) : UINT64_MAX;
}

static void run_rebalance(struct upkeep *upkeep)
{
    rebalance_look(&upkeep->rebalance);
}

static uint64_t wait_sharing(const struct upkeep *upkeep)
{
    return upkeep ? sharing_wait(&upkeep->sharing) : UINT64_MAX;
}

static void run_sharing(struct upkeep *upkeep)
{
    sharing_look(&upkeep->sharing);
}

static uint64_t wait_apart(const struct upkeep *upkeep)
{
    return upkeep ? apart_wait(&upkeep->apart) : UINT64_MAX;
}

static void run_apart(struct upkeep *upkeep)
{
    apart_look(&upkeep->apart);
}

static void look_at_limits(void)
{
    if (arena_is_on())
        limits_look();
}

/*
 * look: called in a thread of the program, once a second, to check whether there is something to do. NULL: other calls
 * of the job wake the worker.
 *
 * wait: ns until the job is due; 0: now; UINT64_MAX: not foreseeable.
 *
 * forked: called in a forked child, where none of the parent's work is due.
 */
static const struct job {
    void (*look)(void);
    uint64_t (*wait)(const struct upkeep *upkeep);
    void (*run)(struct upkeep *upkeep);
    void (*forked)(void);
} jobs[] = {
    {NULL, wait_request, run_request, request_forked},
    {sweep_look, wait_sweep, run_sweep, sweep_forked},
    {NULL, wait_relocation, run_relocation, relocation_forked},
    {title_look, wait_title, run_title, NULL},
    {rebalance_wake, wait_rebalance, run_rebalance, NULL},
    {NULL, wait_sharing, run_sharing, NULL},
    {NULL, wait_apart, run_apart, NULL},
    {place_check_self, NULL, NULL, NULL},
    {look_at_limits, NULL, NULL, NULL},
};

#define FOREACH_JOB(job) for (const struct job *job = jobs; job < jobs + sizeof(jobs) / sizeof(jobs[0]); job++)

/* --- public --- */

void upkeep_begin(struct upkeep *upkeep)
{
    mover_init(&upkeep->mover);
    upkeep->mover.apart = &upkeep->apart;
    sharing_begin(&upkeep->sharing);
}

void upkeep_look(void)
{
    uint64_t now, before = atomic_load_explicit(&looked_at, memory_order_relaxed);
    int saved = errno;
    request_look();
    if (!shim_is_active() || (now = monotonic_ns()) - before < LOOK_EVERY ||
        !atomic_compare_exchange_strong(&looked_at, &before, now) || shim_was_forked())
        return;
    FOREACH_JOB(job)
        if (job->look)
            job->look();
    errno = saved;
}

uint64_t upkeep_wait(const struct upkeep *upkeep)
{
    uint64_t least = UINT64_MAX;
    FOREACH_JOB(job) {
        uint64_t wait = job->wait ? job->wait(upkeep) : UINT64_MAX;
        least = wait < least ? wait : least;
    }
    return least;
}

uint64_t upkeep_run(struct upkeep *upkeep)
{
    FOREACH_JOB(job)
        if (job->wait && job->wait(upkeep) == 0)
            job->run(upkeep);
    return upkeep_wait(upkeep);
}

void upkeep_forked(void)
{
    FOREACH_JOB(job)
        if (job->forked)
            job->forked();
}
