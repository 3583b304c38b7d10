/* arenas: the allocator's part of the segment. Any thread, signal-safe, no locks, no allocation. */
#ifndef NODEWISE_SHIM_TELEMETRY_ARENAS_H
#define NODEWISE_SHIM_TELEMETRY_ARENAS_H

#include "shim/base/segment_layout.h"

/* Adds to the counters of the rule (or PLAN_NONE) in the region. */
void telemetry_arena(uint32_t rule, uint32_t region, const struct segment_arena *more);
/* The region as it is now. */
void telemetry_region(uint32_t number, const struct segment_region *region);

#endif
