/*
 * pools: what the pools of the C interface have done, in the segment. Their workers count in it themselves, at no cost for
 * a task; what says which pool and node a record belongs to is kept here as well, because any process of the user may
 * write into the segment, and because a reload may make another one.
 *
 * Unless it says otherwise: one thread at a time, errno kept.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_POOLS_H
#define NODEWISE_SHIM_TELEMETRY_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/base/segment_layout.h"

/* A pool of that name opens. Its number, from 1; 0: there are too many names. */
uint32_t pools_open(const char *name);
/* Closes it. Its workers have left. */
void pools_close(uint32_t pool);

/* A worker, or a guest, of the pool on that node. Its number, from 1; 0: it is not listed. */
uint32_t pools_enter(uint32_t pool, uint32_t node, bool guest);
void pools_leave(uint32_t worker);

/*
 * Where the worker counts. Another address than before where the segment is another one: what was counted is the caller's
 * to carry over. NULL: there is no segment, or no room in it. Any thread, for its own worker, signal-safe.
 */
struct segment_worker_counts *pools_counts(uint32_t worker);

#endif
