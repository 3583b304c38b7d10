/*
 * whole_process: what a plan gives a process as a whole, for programs that the library does not get into: its CPUs and
 * its memory policy, as taskset(1) and numactl(8) would set them. The caller's process gets them and keeps them over
 * execve(2).
 *
 * The CPUs are those of all rules together. The memory policy is the one that all rules with a policy have in common,
 * over all nodes of their places; rules with different policies leave it as it is.
 */
#ifndef NODEWISE_TOOLS_PREPARE_WHOLE_PROCESS_H
#define NODEWISE_TOOLS_PREPARE_WHOLE_PROCESS_H

#include <stddef.h>

#include "policy/plan.h"

/*
 * Sets both and reads both back. ret_text: what holds now, "CPUs 0-3, memory bind:0", or why not. 0, -EXDEV: the kernel
 * granted something else, or another negative errno.
 */
int whole_process_apply(const struct plan_view *plan, char *ret_text, size_t size);

#endif
