/*
 * idle: memory that a process without any call of malloc or free keeps for nothing. Busy threads give such memory back in
 * passing (span_decay()); where all threads wait, or have ended, the worker does it. A free that leaves more than
 * IDLE_LEAST calls the worker, which looks four times in the time that the policy allows ([process] memory_return): free
 * spans go to the kernel, the heaps of ended threads give their blocks back, and pages whose blocks were all freed by
 * other threads go to their regions. It ends when hardly anything is left.
 *
 * What threads that live keep in their bins stays: only they themselves may touch it.
 */
#ifndef NODEWISE_SHIM_ARENA_IDLE_H
#define NODEWISE_SHIM_ARENA_IDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/region.h"

#define IDLE_LEAST 256u /* slices, 16 MiB: what may be idle without anybody looking */

/* wake: starts the worker, in the thread that frees; false: not now. time_ms: 0 for never. */
void idle_open(bool (*wake)(void), uint32_t time_ms);

/*
 * Somebody is to look. Any thread, outside of all locks and with its heap in order: `wake` may allocate. Signal-safe as
 * `wake` is; errno kept.
 */
void idle_call(void);

/* Of a region: free, or held by heaps of threads that ended. */
static inline uint64_t idle_slices(const struct region *region)
{
    return (uint64_t)counter_read(&region->dirty) + counter_read(&region->held_kib) / (SLICE_SIZE >> 10);
}

/* The same where the region has that much to give back. Costs a few loads otherwise. */
static inline void idle_note(const struct region *region)
{
    if (idle_slices(region) * regions_open() > IDLE_LEAST)
        idle_call();
}

/* For the worker. ns until the next look; 0: now; UINT64_MAX: there is nothing to look at. Any thread. */
uint64_t idle_wait(void);
/* One look. For a thread that uses no arena itself at the moment. */
void idle_look(void);

/* In a forked child, which has no worker. */
void idle_forked(void);

#endif
