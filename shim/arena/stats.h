/*
 * stats: counting without a shared cache line, and without an instruction in the fast paths beyond what they need.
 *
 * A bin counts what goes in and out, because it must know how much it holds: so the number of allocations is there for
 * free. A heap tells the telemetry every DECAY_EVERY ms, when its counters have grown by an eighth or somewhat more,
 * and when it changes hands: exact at an end, a little behind while a program runs. tools/bench/telemetry has the cost.
 */
#ifndef NODEWISE_SHIM_ARENA_STATS_H
#define NODEWISE_SHIM_ARENA_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/heap.h"

struct arena_totals {
    size_t in_use, dirty, live; /* bytes; live: in blocks and large objects of the program */
    size_t large_objects, heaps;
};

/* Publishes what is new to the telemetry. The caller is the borrower, or no thread is. */
void stats_tell(struct heap *heap);

/* The same when it is an eighth more than was told: a thread that goes to sleep after a burst leaves a fair picture. */
void stats_tell_growth(struct heap *heap);

/*
 * What every heap has to tell, at the end of the process. Threads that still run may tell at the same moment: then a
 * few of their last allocations count twice.
 */
void stats_tell_all(void);

/* Walks the descriptors of everything in use, region by region under its lock: for reports, not for a loop. */
void stats_totals(struct arena_totals *ret_totals);
/* Of one region; false: nothing was ever allocated there. */
bool stats_region(struct region *region, struct arena_totals *ret_totals);

#endif
