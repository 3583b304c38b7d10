/*
 * affinity: the CPUs that a thread may use, asked of the kernel and set from outside, for machines of any size. Both take
 * 0 for the calling thread.
 */
#ifndef NODEWISE_TOOLS_COMMON_AFFINITY_H
#define NODEWISE_TOOLS_COMMON_AFFINITY_H

#include <sys/types.h>

#include "policy/cpuset.h"

/* 0; -ESRCH: it has ended; or another negative errno. */
int affinity_get(pid_t tid, struct cpuset *ret_cpus);
/*
 * 0, which does not say that it has all of them now; -ESRCH; -EPERM: it is another user's; -EINVAL: none of these CPUs is
 * usable for it, or the kernel places the thread itself; or another negative errno.
 */
int affinity_set(pid_t tid, const struct cpuset *cpus);

#endif
