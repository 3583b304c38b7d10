/*
 * activate: turns a governed process into an active one: base state, tables, segment, main thread. For start-up, for
 * the fork handler and for a reload, from one thread at a time.
 */
#ifndef NODEWISE_SHIM_START_ACTIVATE_H
#define NODEWISE_SHIM_START_ACTIVATE_H

#include <stdbool.h>

#include "policy/reason.h"

/*
 * shim.plan and shim.facts are set. late: the program runs already, in this one thread, and has memory of its own
 * allocator. Returns REASON_OK, or the reason why the process must stay dormant.
 */
enum reason activate(bool late);

/* Makes the tables for a new plan. Returns 0 or a negative errno; after an error the old tables stay. */
int activate_again(void);
/* In a forked child: frees the places of the other threads. */
void activate_forked(void);

/* Provides what a new plan needs of the process and the earlier one did not. */
void activate_for_plan(void);

/*
 * For a process that is no target: if its mask is one that this plan gives out, a placed thread exec'd it, and it gets
 * the CPUs that the plan may use. The segment of the previous program may stay: readers see that no process maps it,
 * and a search here would cost every process that a service starts.
 */
void base_restore(void);

#endif
