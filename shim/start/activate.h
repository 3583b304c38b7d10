/* activate: from "governed" to an active shim: base state, tables, segment, the main thread. Start-up only. */
#ifndef NODEWISE_SHIM_START_ACTIVATE_H
#define NODEWISE_SHIM_START_ACTIVATE_H

#include "policy/reason.h"

/* shim.plan and .facts are set. REASON_OK, or why the process has to stay dormant. */
enum reason activate(void);

/* The plan is another one now: tables for it. Negative errno: none to be had, the old ones stay. */
int activate_again(void);
/* In a forked child: the other threads' places are free again. */
void activate_forked(void);

/* What a plan may need of the process and an earlier one did not. */
void activate_for_plan(void);

/*
 * For a process that is no target: when its mask is one that this plan gives out, it was exec'd from a placed thread,
 * and gets what the plan was allowed to use. The segment of the program that it was before may stay: readers see
 * that no process maps it, and to look for it here would cost every process that a service starts.
 */
void base_restore(void);

#endif
