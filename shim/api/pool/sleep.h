/*
 * sleep: the idle workers of one node, and how work finds them.
 *
 * A worker without work is searching or asleep. Who adds work wakes one worker that is asleep, unless one searches: that
 * one finds the work. The last searcher that finds some calls sleep_wake() in its turn while there is more. So one worker
 * at a time is woken, and none when a wake-up would only have it search beside another.
 *
 * No wake-up is missed: the adder publishes its work and then looks at the state; a worker announces its sleep in the
 * state and then looks for work once more. Both orders are sequentially consistent, so one of them sees the other
 * (tests/model/wake_model tries every interleaving). A wake-up is a permit that waits for its worker.
 *
 * Any thread. No allocation, no lock.
 */
#ifndef NODEWISE_SHIM_API_POOL_SLEEP_H
#define NODEWISE_SHIM_API_POOL_SLEEP_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sleepers {
    alignas(128) _Atomic uint64_t state; /* searching in the upper half, asleep in the lower */
    atomic_uint permits;
};

void sleep_begin_search(struct sleepers *sleepers);
/* The caller has found work. true: it was the last searcher, and calls sleep_wake() if there is more. */
bool sleep_end_search(struct sleepers *sleepers);

/* The caller stops to search and is to sleep; it now looks for work once more, without taking any. */
void sleep_announce(struct sleepers *sleepers);
/* It has seen some: true: it searches again. false: somebody has woken it already; sleep_wait() returns at once. */
bool sleep_take_back(struct sleepers *sleepers);
/* It has seen none. Returns when the caller was woken, and it then searches. */
void sleep_wait(struct sleepers *sleepers);

/*
 * After work was published with a sequentially consistent store. true: a worker searches, or one was woken. false: none of
 * this node is idle.
 */
bool sleep_wake(struct sleepers *sleepers);
void sleep_wake_all(struct sleepers *sleepers);

#endif
