/*
 * next_touch: memory.next_touch. Large objects that one thread made and others work on move to the nodes of the threads
 * that use them. It samples where threads walk (memory/sampler.h), concludes which node's threads use what
 * (memory/usage.h) and has it moved (memory/mover.h).
 *
 * Only the worker (worker/worker.h) calls these functions, except next_touch_has_work(). Its state lives as long as the
 * worker. A refusal by the kernel ends next touch, see next_touch_may_go_on().
 */
#ifndef NODEWISE_SHIM_WORKER_NEXT_TOUCH_H
#define NODEWISE_SHIM_WORKER_NEXT_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/big.h"
#include "shim/memory/mover.h"
#include "shim/memory/pairs.h"
#include "shim/memory/sampler.h"
#include "shim/memory/seen.h"
#include "shim/memory/usage.h"
#include "shim/worker/by_use.h"

#define NEXT_TOUCH_TICK_NS UINT64_C(4000000)
#define NEXT_TOUCH_BATCH   32u /* chunks */

struct next_touch {
    struct mover *mover;
    struct pairs *pairs; /* what accesses say about threads; NULL: that is not asked */
    struct sampler sampler;
    struct usage usage;
    struct seen seen;
    struct big objects[USAGE_PIECES]; /* by number of the piece */
    struct piece *batch_piece[NEXT_TOUCH_BATCH];
    struct chunk *batch_chunk[NEXT_TOUCH_BATCH];
    uint32_t batch_count, ticks, live_threads;
    uint32_t skipped_threads; /* of the list; they are watched in other windows */
    uint64_t listened_ns;     /* the same of looks in pauses */
    uint64_t looked_ns;       /* what looking took so far, without moving */
    struct by_use by_use;
};

/* Are there several threads and several nodes, and does some rule want it? Any thread. */
bool next_touch_has_work(void);

/* Begins. The memory at `self` must be zeroed. Gives the calling thread a descriptor table of its own. */
void next_touch_begin(struct next_touch *self, struct mover *mover);
/* Lists objects and threads, waits a tick, counts votes and moves one batch. Returns whether anything was moved. */
bool next_touch_tick(struct next_touch *self);
/* false: there is only one thread, or the kernel refuses. */
bool next_touch_may_go_on(const struct next_touch *self);
/* Stops the sampling until the next tick; where a report is due, it becomes slower. */
void next_touch_pause(struct next_touch *self);
/* Counts what was sampled in a pause. */
void next_touch_listen(struct next_touch *self);

#endif
