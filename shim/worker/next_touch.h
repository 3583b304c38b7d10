/*
 * next_touch: memory.next_touch: large objects that one thread made and others work on come to those who use them.
 * Looks where threads walk (sampler.h), concludes who uses what (usage.h), has it moved (mover.h). A part of the
 * worker's thread (worker.h).
 */
#ifndef NODEWISE_SHIM_WORKER_NEXT_TOUCH_H
#define NODEWISE_SHIM_WORKER_NEXT_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/big.h"
#include "shim/memory/mover.h"
#include "shim/memory/sampler.h"
#include "shim/memory/usage.h"

#define NEXT_TOUCH_TICK_NS UINT64_C(4000000)
#define NEXT_TOUCH_BATCH   32u /* chunks */

struct next_touch {
    struct mover *mover;
    struct sampler sampler;
    struct usage usage;
    struct big objects[USAGE_PIECES]; /* by number of the piece */
    struct piece *batch_piece[NEXT_TOUCH_BATCH];
    struct chunk *batch_chunk[NEXT_TOUCH_BATCH];
    uint32_t batch_count, ticks, live_threads;
};

/* Is there anything to look at: large objects, several threads, several nodes? Any thread. */
bool next_touch_has_work(void);

/* The memory at `self` reads as zero. Gives the calling thread descriptors of its own. */
void next_touch_begin(struct next_touch *self, struct mover *mover);
/* Looks around, waits a tick, votes, moves one batch. Returns whether anything was moved. */
bool next_touch_tick(struct next_touch *self);
/* false: alone, or the kernel refuses. */
bool next_touch_may_go_on(const struct next_touch *self);
/* Stops looking until the next tick. */
void next_touch_pause(struct next_touch *self);

#endif
