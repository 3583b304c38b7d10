/*
 * groups: the CPUs of a plan that no slot tells apart. Threads are counted by these groups (policy/occupancy.h), so that
 * a place by node costs one number to look at and not one for each of its CPUs.
 */
#ifndef NODEWISE_POLICY_GROUPS_H
#define NODEWISE_POLICY_GROUPS_H

#include "policy/plan_build.h"

/*
 * Fills in the groups of a plan whose CPUs and slots are all there: plan_cpu.group and group_size, plan_header.groups.
 * The cost is the CPUs of all slots together. 0, -ENOMEM.
 */
int group_cpus(struct plan_builder *builder);

#endif
