/*
 * cpu_count: what the program is told about the number of CPUs ([cpu_count]). Decided once at the start, from the
 * plan, the mask that the process was started with and its cgroup. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_PLACE_CPU_COUNT_H
#define NODEWISE_SHIM_PLACE_CPU_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/words.h"

struct mask;

/* At the start, after the base mask is known. */
void cpu_count_start(void);

/* Is the program to be told something else than the kernel says, when it asks this way? */
bool cpu_count_is_told(enum cpu_api api);
/* CPUs online, then. */
uint32_t cpu_count_online(void);
/*
 * CPUs configured: never fewer than the highest CPU that the process may run on plus one, because programs make tables
 * of that size and index them by sched_getcpu(3).
 */
uint32_t cpu_count_configured(void);
/* The mask to be shown. */
void cpu_count_told_mask(struct mask *mask);

#endif
