/* cpu_export: the variables that `run` fills with the number of CPUs that the program is told ([cpu_count] export). */
#ifndef NODEWISE_TOOLS_PREPARE_CPU_EXPORT_H
#define NODEWISE_TOOLS_PREPARE_CPU_EXPORT_H

#include "policy/policy.h"

/*
 * Sets them in this process's environment where they are not set, from the plan in the file and from the affinity mask
 * and cgroup of this process. 0 or negative errno.
 */
int cpu_export(const struct policy *policy, const char *plan_path);

#endif
