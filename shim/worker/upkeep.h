/*
 * upkeep: the work that the library does beside the program's calls, as one list of jobs (upkeep.c) with a file each. A
 * thread of the program that passes a hook notices that a job is due (upkeep_look()), or a call that causes the work
 * wakes the worker (worker_wake()). The worker does the job. Each job handles its own errors.
 */
#ifndef NODEWISE_SHIM_WORKER_UPKEEP_H
#define NODEWISE_SHIM_WORKER_UPKEEP_H

#include <stdint.h>

#include "shim/memory/apart.h"
#include "shim/memory/mover.h"
#include "shim/worker/rebalance.h"
#include "shim/worker/sharing.h"

/* The state that the jobs keep from one run to the next. The memory must be zeroed at first; then call upkeep_begin(). */
struct upkeep {
    struct mover mover;
    struct apart apart; /* of what the mover has moved */
    struct rebalance rebalance;
    struct sharing sharing;
};

void upkeep_begin(struct upkeep *upkeep);

/*
 * Periodic upkeep: checks at most once a second whether there is something to do, and wakes the worker if so. For
 * threads that allocate or make threads. Signal-safe; otherwise costs a load and a comparison of clocks; errno kept.
 */
void upkeep_look(void);

/* For the worker: does all jobs that are due. Returns the ns until the next one is due; UINT64_MAX: not foreseeable. */
uint64_t upkeep_run(struct upkeep *upkeep);

/* ns until a job is due, as above. NULL: there is no state of a worker yet. */
uint64_t upkeep_wait(const struct upkeep *upkeep);

/* In a forked child: nothing of the parent's work is due. */
void upkeep_forked(void);

#endif
