/*
 * cpu_export: the variables by which a program is told how many threads to make ([cpu_count] export): the number of CPUs
 * that it is told, or that of the threads of a rule.
 */
#ifndef NODEWISE_TOOLS_PREPARE_CPU_EXPORT_H
#define NODEWISE_TOOLS_PREPARE_CPU_EXPORT_H

#include "policy/plan.h"
#include "policy/policy.h"

/* Takes a variable and its number; 0, or negative errno, which ends the walk. */
typedef int cpu_export_taker(void *context, const char *variable, uint32_t number);

/*
 * Each variable of the policy with its number under the policy's plan, by the affinity mask and the cgroup
 * of this process. 0 or negative errno.
 */
int cpu_export_each(const struct policy *policy, const struct plan_view *plan, cpu_export_taker *take, void *context);

/* Sets them in this process's environment where they are not set; plan_path: as plan_file_load(). 0 or negative errno. */
int cpu_export(const struct policy *policy, const char *plan_path);

#endif
