/*
 * apply: sets a thread's mask and name as its record says, reads the mask back and notes the outcome in the record. The
 * caller owns the record. Signal-safe, errno kept. A refusal by the kernel becomes an outcome with a reason.
 */
#ifndef NODEWISE_SHIM_PLACE_APPLY_H
#define NODEWISE_SHIM_PLACE_APPLY_H

#include <stdbool.h>

#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/sys/error_reason.h"
#include "shim/sys/placing.h"

/* Sets the mask of the thread's slot, or that of `otherwise` (BASE or UNION) when it has no slot. */
void apply_cpus(struct thread *thread, enum standing otherwise);
/*
 * The mask that apply_cpus() would set: the slot's, else main's union mask, else the base mask. It is never beyond the
 * base mask and never empty.
 */
void apply_wanted(struct thread *thread, struct mask *ret_mask);
/*
 * The same where the mask of the start is one that the program chose before exec: it does not limit what the program
 * may choose next.
 */
void apply_place(struct thread *thread, struct mask *ret_mask);
/* The tid for placing calls about the thread. It is 0 for the calling thread, which saves the kernel the look-up. */
pid_t apply_target(const struct thread *thread);
/*
 * Returns true when the outcome of a placed thread has changed since its mask was read back: because of a cpuset of its
 * cgroup, a CPU that went offline, or a call of another program. Notes and reports the new state. Does not set the mask
 * again, because the author of the change outranks the policy.
 */
bool apply_check(struct thread *thread);
/*
 * After EINVAL, which says that no CPU of the place is in the cpuset: gives the thread all CPUs of the base mask, of which the
 * kernel leaves those in the cpuset, and closes the places outside of these to further choices. Returns false, with nothing
 * changed, where the cpuset has none of the base mask. Two system calls.
 */
bool apply_learn_cpuset(struct thread *thread);
/* Applies the rule's `rename` to an unnamed thread. Only the thread itself may call it. */
void apply_rename(struct thread *thread);

/* The rule whose place the thread holds, or NULL. */
static inline const struct plan_rule *apply_rule(const struct thread *thread)
{
    return thread->holds_pick ? &shim.plan.rules[thread->rule] : NULL;
}

/* The rule whose memory policy the thread has: its own, for main without one that which all rules share, or NULL. */
static inline const struct plan_rule *apply_memory_rule(const struct thread *thread)
{
    uint32_t shared = shim.plan.header->main_memory;
    if (thread->holds_pick || !thread->main)
        return apply_rule(thread);
    return shared != PLAN_NONE ? &shim.plan.rules[shared] : NULL;
}

/* The slot that says its nodes, where there is such a rule. All slots of a shared policy name the same. */
static inline const struct plan_slot *apply_memory_slot(const struct thread *thread)
{
    return &shim.plan.slots[thread->holds_pick ? thread->pick.slot : apply_memory_rule(thread)->slot_first];
}

/* Counts and reports that the kernel refused a placing call about the thread with a negative errno. */
void apply_refused(struct thread *thread, enum placing_call call, int error);

/*
 * Sets the counters that number the names of `rename`, one for each rule, in zeroed memory. At start-up and with each
 * new plan.
 */
void apply_count_names(_Atomic uint32_t *counts);

#endif
