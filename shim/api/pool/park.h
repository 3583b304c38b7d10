/*
 * park: threads that wait for something in the caller's memory: a task, a group, room in a map.
 *
 * They are listed by its address in tables of the library's own. So who ends a task or a group touches it for the last
 * time before it looks for waiters: the waiter may free it as soon as it sees the end, whoever is still about to wake it.
 *
 * Any thread; not in signal handlers. No allocation. Locks: one for each bucket, innermost, held for tens of instructions.
 */
#ifndef NODEWISE_SHIM_API_POOL_PARK_H
#define NODEWISE_SHIM_API_POOL_PARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct parked {
    const void *key;
    bool runs; /* it is a worker, which may run a task of the group that it waits for */
    atomic_uint woken;
    struct parked *next, **link;
};

/* Lists the caller. It then looks at its condition once more, and calls park_wait() or not, and park_end(). */
void park_begin(struct parked *parked, const void *key, bool runs);
/* Until woken or the deadline (futex.h). 0, -ETIMEDOUT. */
int park_wait(struct parked *parked, int64_t deadline);
void park_end(struct parked *parked);

/* Wakes all that wait for the key. What they wait for was published by a sequentially consistent operation before. */
void park_wake(const void *key);
/* Wakes the workers among them: a task of that group can be taken. */
void park_offer(const void *key);

#endif
