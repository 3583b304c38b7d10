/*
 * cpu_count: the number of CPUs that the shim reports to the program ([cpu_count]). It is decided once at the start,
 * from the plan, the mask that the process was started with and its cgroup. Any thread, signal-safe; nothing can fail.
 */
#ifndef NODEWISE_SHIM_PLACE_CPU_COUNT_H
#define NODEWISE_SHIM_PLACE_CPU_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/words.h"

struct mask;
struct thread;

/* Start-up only, after the base mask is known. */
void cpu_count_start(void);

/* Does the shim answer this interface instead of the kernel? */
bool cpu_count_is_told(enum cpu_api api);
/*
 * Does it answer for the mask of this thread? Not where the program has given the thread a mask: that is what it reads.
 * With "auto" for threads on places alone, which have fewer CPUs than the process. thread: or NULL.
 */
bool cpu_count_is_told_of(const struct thread *thread);
/* The program has asked for this mask for the thread, which its owner holds: does it ask for what it is told? */
void cpu_count_asked(struct thread *thread, const struct mask *asked);
/*
 * What the C library says of the CPUs online. Some count the mask of the calling thread: with "auto" they say no fewer
 * than the mask that the thread is told.
 */
long cpu_count_at_least(enum cpu_api api, long online);
/* The number of CPUs online that the shim reports. */
uint32_t cpu_count_online(void);
/*
 * The number of configured CPUs that the shim reports. It is at least the highest CPU that the process may run on plus
 * one, because programs make tables of that size and index them by sched_getcpu(3).
 */
uint32_t cpu_count_configured(void);
/* The mask that the shim reports. */
void cpu_count_told_mask(struct mask *mask);

#endif
