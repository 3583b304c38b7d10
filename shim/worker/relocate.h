/*
 * relocate: carries out the orders of memory/relocation.h, within the budget of memory.move_bytes and memory.move_time.
 * For the worker.
 */
#ifndef NODEWISE_SHIM_WORKER_RELOCATE_H
#define NODEWISE_SHIM_WORKER_RELOCATE_H

#include "shim/memory/mover.h"

/* All orders there are, and those that come meanwhile. Ends early when placing stops or the kernel refuses to move. */
void relocate_run(struct mover *mover);

/* Tells the segment what has moved since the last call. */
void relocate_tell(struct mover *mover);

#endif
