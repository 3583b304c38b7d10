/*
 * affinity: what the hooks of sched_setaffinity and of syscall(2) share. Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_AFFINITY_H
#define NODEWISE_SHIM_INTERPOSE_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Does the policy decide about the call? Not in a child of vfork, or of a clone that ran no fork handler: its thread is
 * the parent's in memory and another one in the kernel.
 */
bool affinity_is_arbitrated(void);
/*
 * For a call that succeeded and that the policy does not decide about. The programs that follow by exec may be
 * governed, and are told (base/chosen.h).
 */
void affinity_chosen(pid_t tid, size_t size, const void *set);

#endif
