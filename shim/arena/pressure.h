/*
 * pressure: how much idle memory a process may keep where its cgroup limits memory.
 *
 * The kernel does not ask before it kills, so a small limit makes the arenas give back sooner. Read once, when more
 * than a little is idle: most processes never get there. cgroups(7), memory.max and memory.limit_in_bytes.
 */
#ifndef NODEWISE_SHIM_ARENA_PRESSURE_H
#define NODEWISE_SHIM_ARENA_PRESSURE_H

#include <stdint.h>

/*
 * Slices of idle dirty memory that each of the open regions may keep; UINT32_MAX: no limit. errno kept; no allocation.
 */
uint32_t pressure_limit(void);

#endif
