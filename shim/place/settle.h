/*
 * settle: the steps of a placement, on a record that the caller owns (thread.h, `busy`): a slot of the rule, the mask
 * and the memory policy that go with it, and telling of it. place.c, adopt.c and order.c put them together.
 *
 * Signal-safe; errno is the callers' to keep.
 */
#ifndef NODEWISE_SHIM_PLACE_SETTLE_H
#define NODEWISE_SHIM_PLACE_SETTLE_H

#include "policy/reason.h"
#include "shim/base/thread.h"
#include "shim/telemetry/segment.h"

/*
 * A slot of the record's rule, if it has one: of a forked process by the number of the fork, else by the rule's order.
 * The record's `why` says how it came there: `moment`, or that no rule placed it.
 */
void settle_choose(struct thread *thread, enum reason moment);
/* Gives it back; may be called when there is none. */
void settle_drop(struct thread *thread);

/* Sets what the record says and reads it back. */
void settle_carry_out(struct thread *thread);
/* The same, of a thread that was placed before: what it has follows from its old home; tells of it. */
void settle_arrive(struct thread *thread, uint32_t old_home);
/* Publishes the record, and an event about it. */
void settle_tell(struct thread *thread, enum segment_event_kind kind, uint32_t value);

/*
 * Leaves work (enum thread_work) and does all that is waiting if the record has no owner. Never waits: an owner does it
 * before it gives the record back. For any caller, owner or not.
 */
void settle_work(struct thread *thread, unsigned work);
/* Ends the caller's ownership and does what was left for it meanwhile. */
void settle_give_back(struct thread *thread);

/*
 * The thread goes to another slot of its rule, if it still is in that rule and the record has no owner. For the
 * worker's thread (rebalance.h).
 */
void settle_elsewhere(struct thread *thread, uint32_t rule, uint32_t slot);

#endif
