/*
 * relocate: executes the orders of memory/relocation.h within the budget of memory.move_bytes and memory.move_time. For
 * the worker alone, which may wait here. Errors end up in the counters of the segment.
 */
#ifndef NODEWISE_SHIM_WORKER_RELOCATE_H
#define NODEWISE_SHIM_WORKER_RELOCATE_H

#include "shim/memory/mover.h"

/*
 * Executes all orders, including those that arrive meanwhile. Ends early when placing stops or the kernel refuses to
 * move pages.
 */
void relocate_run(struct mover *mover);

/* Adds what has moved since the last call to the segment's counters. */
void relocate_tell(struct mover *mover);

#endif
