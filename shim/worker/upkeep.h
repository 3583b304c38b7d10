/*
 * upkeep: what the library does beside the program's calls, one list of jobs with a file each (upkeep.c). A job is
 * noticed by a thread of the program that passes by anyway (upkeep_look), or by a call that knows of it (worker_wake),
 * and done by the worker.
 */
#ifndef NODEWISE_SHIM_WORKER_UPKEEP_H
#define NODEWISE_SHIM_WORKER_UPKEEP_H

#include <stdint.h>

#include "shim/memory/mover.h"
#include "shim/worker/rebalance.h"

/* What the jobs keep from one run to the next; reads as zero at first, then mover_init(). */
struct upkeep {
    struct mover mover;
    struct rebalance rebalance;
};

/*
 * Time has passed: looks once a second at most whether there is something to do, and wakes the worker if so. For
 * threads that allocate or make threads. Signal-safe; a load and a comparison of clocks otherwise; errno kept.
 */
void upkeep_look(void);

/*
 * For the worker: does all that is due. Returns the ns until a job is due again; UINT64_MAX: none is in sight.
 */
uint64_t upkeep_run(struct upkeep *upkeep);

/* Is a job due, or in sight? NULL: no worker has looked yet. */
uint64_t upkeep_wait(const struct upkeep *upkeep);

/* In a forked child. */
void upkeep_forked(void);

#endif
