/*
 * rebalance: threads that move after they were placed (`rebalance.steal`): an idle place takes one from an overloaded
 * place. What each thread asks for is read from /proc/self/task/TID/schedstat (time run and time waited for a CPU); who
 * goes where is policy/balance.h's decision. The memory of a thread that moves follows as memory.migrate_on_move says.
 *
 * For the worker, which has this to do only while some place of a rule that steals has more threads than
 * CPUs and the program is not idle. An idle program is left alone until it allocates or makes threads again.
 */
#ifndef NODEWISE_SHIM_WORKER_REBALANCE_H
#define NODEWISE_SHIM_WORKER_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/balance.h"

#define REBALANCE_MOST 1024u /* threads that one look takes in; more take turns */

struct thread;

struct rebalance {
    uint64_t looked_at; /* monotonic ns of the last look; 0: none yet */
    uint32_t quiet;     /* looks in a row that found hardly any load */
    uint32_t count, skipped, turn;
    struct thread *threads[REBALANCE_MOST];
    struct balance_thread loads[REBALANCE_MOST];
    uint32_t cpu_load[PLAN_MAX_CPUS]; /* only as far as there are CPUs is any of it touched */
};

/* Wakes the worker where a place is crowded. Any thread; costs a comparison where no rule steals. */
void rebalance_wake(void);
/* For the worker, which has looked before: false after the program was idle for some looks. */
bool rebalance_goes_on(const struct rebalance *self);
/* ns until the next look; 0: now. */
uint64_t rebalance_wait(const struct rebalance *self);
/* Looks, and moves what is to move. `self` reads as zero at first. */
void rebalance_look(struct rebalance *self);

#endif
