/*
 * apply: sets a thread's mask and name as its record says, reads them back and notes in the record
 * what came of it. The caller owns the record. Signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_PLACE_APPLY_H
#define NODEWISE_SHIM_PLACE_APPLY_H

#include <stdbool.h>

#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/sys/placing.h"

/* What the thread's mask has to be: its slot's when it holds one, else `otherwise` (BASE or UNION). */
void apply_cpus(struct thread *thread, enum standing otherwise);
/* What apply_cpus() would set: the slot's mask, else main's union, else the base; never beyond the base. Not empty. */
void apply_wanted(struct thread *thread, struct mask *ret_mask);
/* What placing calls about the thread are made with: 0 is "myself" and spares the kernel the look-up. */
pid_t apply_target(const struct thread *thread);
/*
 * Has the mask of a placed thread changed since it was read back: a cpuset of its cgroup, a CPU that went offline,
 * another program's call? Notes and tells what it is now, and changes nothing: the caller of that outranks the policy.
 * true: it has.
 */
bool apply_check(struct thread *thread);
/* The rule's `rename` for an unnamed thread; only the thread itself. */
void apply_rename(struct thread *thread);

/* errno's reason code. */
enum reason reason_of_error(int error);

/* The rule whose place the thread holds, or NULL. */
static inline const struct plan_rule *apply_rule(const struct thread *thread)
{
    return thread->holds_pick ? &shim.plan.rules[thread->rule] : NULL;
}

/* Counts and tells that the kernel answered a placing call about the thread with a negative errno. */
void apply_refused(struct thread *thread, enum placing_call call, int error);

/* Where numbers for `rename` are counted, one for each rule; zeroed memory. Start-up, and with another plan. */
void apply_count_names(_Atomic uint32_t *counts);

#endif
