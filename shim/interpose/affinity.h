/*
 * affinity: what the hooks of sched_setaffinity and of syscall(2) share. Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_AFFINITY_H
#define NODEWISE_SHIM_INTERPOSE_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shim/place/arbitrate.h"

/*
 * May the policy decide about the call? Not in a copy of this process that ran no fork handler. Of a child of vfork, whose
 * thread is the parent's in memory and another one in the kernel, arbitrate_end() sees it.
 */
bool affinity_is_arbitrated(void);
/* After the call. thread: from arbitrate_begin() where it is arbitrated (active), else NULL. */
void affinity_end(struct thread *thread, bool active, const struct affinity_call *call, bool succeeded);
/*
 * For a call that succeeded and that the policy does not decide about. The programs that follow by exec may be
 * governed, and are told (base/chosen.h).
 */
void affinity_chosen(pid_t tid, size_t size, const void *set);

#endif
