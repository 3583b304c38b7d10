/*
 * rebalance: moves threads after they were placed (`rebalance.steal`): an idle place takes a thread from an overloaded
 * place. /proc/self/task/TID/schedstat tells each thread's demand (time run and time waited for a CPU);
 * policy/balance.h decides which thread goes where. The memory of a thread that moves follows as memory.migrate_on_move
 * says.
 *
 * A job of the worker (worker/upkeep.h). The worker has this to do only while some place of a rule that steals has more
 * threads than CPUs and the program is not idle. An idle program is left alone until it allocates or makes threads
 * again. The functions return no errors.
 */
#ifndef NODEWISE_SHIM_WORKER_REBALANCE_H
#define NODEWISE_SHIM_WORKER_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/balance.h"

#define REBALANCE_MOST 1024u /* threads for one look; further ones take turns */

struct thread;

struct rebalance {
    uint64_t looked_at; /* monotonic ns of the last look; 0: none yet */
    uint64_t pause;     /* ns from that to the next one; 0: none yet */
    uint32_t quiet;     /* consecutive looks that found hardly any load */
    uint32_t running;   /* thousandths of a CPU that all threads of this look ran */
    uint32_t crowded;   /* consecutive looks that found more than one running at a time */
    uint32_t count, skipped, turn;
    struct thread *threads[REBALANCE_MOST];
    struct balance_thread loads[REBALANCE_MOST];
    uint32_t cpu_load[PLAN_MAX_CPUS]; /* touched only as far as the machine has CPUs */
};

/* Wakes the worker when a place is crowded. Any thread; costs a comparison when no rule steals. */
void rebalance_wake(void);
/* For the worker, after a first look. false: the program was idle for some looks, or no place is crowded. */
bool rebalance_goes_on(const struct rebalance *self);
/* ns until the next look; 0: now. */
uint64_t rebalance_wait(const struct rebalance *self);
/* Measures the threads and moves those that should move. `self` must be zeroed at first. */
void rebalance_look(struct rebalance *self);

#endif
