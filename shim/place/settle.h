/*
 * settle: the steps of a placement on a record that the caller owns (base/thread.h, `busy`): it chooses a slot of the
 * rule, sets the slot's mask and memory policy, and reports them. place.c, adopt.c and order.c combine these steps.
 *
 * Signal-safe. The callers keep errno. What the kernel refuses becomes an outcome in the record.
 */
#ifndef NODEWISE_SHIM_PLACE_SETTLE_H
#define NODEWISE_SHIM_PLACE_SETTLE_H

#include "policy/reason.h"
#include "shim/base/thread.h"
#include "shim/telemetry/segment.h"

/*
 * Chooses a slot of the record's rule, if it has a rule. The number of the fork decides in a forked process, otherwise
 * the rule's order. The record's `why` becomes `moment`, or says that no rule placed the thread.
 */
void settle_choose(struct thread *thread, enum reason moment);
/* In a copy of the process: whoever was choosing is not there. */
void settle_forked(void);
/* Gives the slot back. May be called without one. */
void settle_drop(struct thread *thread);

/* Sets what the record says and reads it back. */
void settle_carry_out(struct thread *thread);
/* The same for a thread that was placed before: its memory follows from its old home. Reports the placement. */
void settle_arrive(struct thread *thread, uint32_t old_home);
/* Publishes the record and an event about it. */
void settle_tell(struct thread *thread, enum segment_event_kind kind, uint32_t value);

/*
 * Adds work (enum thread_work) and does all pending work if the record has no owner. It never waits: an owner does the
 * work before it gives the record back. Owners and other threads may call it.
 */
void settle_work(struct thread *thread, unsigned work);
/* Ends the caller's ownership and does the work that was left for it meanwhile. */
void settle_give_back(struct thread *thread);

/*
 * Moves the thread to another slot of its rule, if it still has that rule and the record has no owner. Returns whether it
 * moved. For the worker (worker/rebalance.h, worker/sharing.h).
 */
bool settle_elsewhere(struct thread *thread, uint32_t rule, uint32_t slot, enum reason why);
/* The same for two threads that exchange their slots: both move, or none. */
bool settle_exchange(struct thread *first, uint32_t from, struct thread *second, uint32_t to, uint32_t rule,
                     enum reason why);

#endif
