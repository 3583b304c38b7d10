/*
 * pick: which slot of its rule a thread gets, given who is where (policy/occupancy.h): threads of all rules, threads that
 * chose their CPUs, and those of the user's other processes. The shim and the dry run share it.
 *
 * Any number of threads pick and release at once without a lock. Signal-safe, allocation-free. Cost: one pass over the
 * rule's slots at the worst, each with the groups of CPUs that it is made of.
 */
#ifndef NODEWISE_POLICY_PICK_H
#define NODEWISE_POLICY_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/occupancy.h"
#include "policy/plan.h"
#include "policy/reason.h"

struct pick {
    uint32_t slot;  /* index into PLAN_SLOTS */
    bool claims;    /* holds claim_mask exclusively */
    bool away;      /* the thread is not counted on the slot's CPUs: it chose others, see pick_count() */
    uint8_t reason; /* OK, NO_FREE_SLOT, OVERSUBSCRIBED, SHARED_CPU */
};

/*
 * Takes a place for one more thread of the rule. creator_slot: the slot of the thread that creates it, for the first
 * one of a program that it is on (pick_keeps_start()), or PLAN_NONE (counts for `inherit`, for the first thread of
 * `primary`, and for `least_loaded` between places that are as full but for one thread). Never fails: when all is full it shares, with a reason.
 */
struct pick pick_slot(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule, uint32_t creator_slot);

/*
 * The place of the n-th forked process (from 0) of the rule: processes do not see each other's occupancy, so they go by
 * their number as threads would in an empty machine. PLAN_NONE: the distribution goes by the creator (inherit), or each
 * is to be alone.
 */
uint32_t pick_nth(const struct plan_view *plan, uint32_t rule, uint32_t n);
/* Has the place a CPU that the process may use (occupancy_narrow())? */
bool pick_is_usable(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot);
/* Takes that slot, full or not. */
struct pick pick_this(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot);

/*
 * Does the first thread of a program go to the place that it is on already? Where the rule leaves it a choice between
 * nodes, sockets or caches, by `inherit`, `least_loaded` or `primary`. Between cores it goes by order, the same each time.
 */
bool pick_keeps_start(const struct plan_view *plan, uint32_t rule);

/*
 * Is a core free there for one more thread of the rule, after so many have come (or gone, below 0) that are not counted
 * yet? Threads of other rules and processes count.
 */
bool pick_has_core(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot, int64_t come);

/*
 * Counts the thread on the slot's CPUs, as after pick_slot(), or not: while it is on CPUs that it chose itself. May be
 * called again.
 */
void pick_count(const struct plan_view *plan, struct occupancy *occupancy, struct pick *pick, bool on_slot);
/* Gives it back; exactly once for each pick. */
void pick_release(const struct plan_view *plan, struct occupancy *occupancy, struct pick pick);

/*
 * The CPUs to apply: the slot's mask without what other exclusive threads hold; the whole mask where nothing
 * is left (then *ret_shared is true). bits has `words` words. Returns the number of words used.
 */
size_t pick_mask(const struct plan_view *plan, const struct occupancy *occupancy, struct pick pick, uint64_t *ret_bits,
                 size_t words, bool *ret_shared);

#endif
