/*
 * arenas: writes the allocator's part of the segment. Does nothing when there is no segment. Any thread, signal-safe,
 * no locks, no allocation.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_ARENAS_H
#define NODEWISE_SHIM_TELEMETRY_ARENAS_H

#include "shim/base/segment_layout.h"

/* Adds `more` to the counters of the rule (or PLAN_NONE) in the region. */
void telemetry_arena(uint32_t rule, uint32_t region, const struct segment_arena *more);
/* Stores the current state of the region. */
void telemetry_region(uint32_t number, const struct segment_region *region);

#endif
