/*
 * accesses: writes what was seen of the program's accesses (memory/seen.h) to the segment. Does nothing when there is no
 * segment, or no room in it. One thread at a time; signal-safe, no locks, no allocation.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_ACCESSES_H
#define NODEWISE_SHIM_TELEMETRY_ACCESSES_H

#include "shim/base/segment_layout.h"

/* Stores the sums since the start of the process. */
void accesses_publish(const struct segment_seen *totals);

#endif
