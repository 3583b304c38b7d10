/*
 * cpu_bar: CPUs of a machine in one short line, "[##..|....]": a sign for each CPU, or on large machines for each core,
 * cache or node; # it is in the set, . it is not, + a part of it is. Nodes are set apart by |.
 */
#ifndef NODEWISE_TOOLS_PREPARE_CPU_BAR_H
#define NODEWISE_TOOLS_PREPARE_CPU_BAR_H

#include "policy/cpuset.h"
#include "policy/plan.h"

#define CPU_BAR_SIGNS 64u /* a finer bar than that is drawn coarser, down to a sign for each node */

/* Of the machine that the plan was made for; malloc'd, NULL without memory. */
char *cpu_bar(const struct plan_view *plan, const struct cpuset *cpus);

#endif
