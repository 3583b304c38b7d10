/*
 * cpu_count: the number of CPUs that a program is told ([cpu_count] report). The shim answers the program's questions
 * with it, `run` fills variables with it.
 *
 * Pure but for the files that `read` reads; allocation-free, signal-safe.
 */
#ifndef NODEWISE_POLICY_CPU_COUNT_H
#define NODEWISE_POLICY_CPU_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "policy/plan.h"

/* Reads at most size - 1 bytes of a file as a string; 0: there is none, or it is empty. */
typedef size_t read_text(const char *path, char *ret_text, size_t size);

/*
 * CPUs that the cgroup's quota amounts to, rounded up: the smallest of cpu.max from the process's group to the root
 * (cgroup v2), or of cpu.cfs_quota_us (v1). 0: no quota. Linux, Documentation/admin-guide/cgroup-v2.rst.
 */
uint32_t cgroup_cpus(read_text *read);

/* From the plan's report: base is the affinity mask that the process was started with. At least 1. */
uint32_t cpu_count_number(const struct plan_view *plan, const uint64_t *base, size_t words, uint32_t cgroup);

/*
 * What an affinity mask then shows: those CPUs of the plan's (or of the base mask, where the report is "affinity" or
 * "cgroup"), the lowest first. Never empty while base is not.
 */
void cpu_count_mask(const struct plan_view *plan, const uint64_t *base, size_t words, uint32_t number,
                    uint64_t *ret_bits);

#endif
