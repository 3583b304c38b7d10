/*
 * share: this process's part of the machine, where the policy spreads the processes of a deployment ([process]
 * distribution). The process claims a share in the ledger (policy/ledger.h) and then uses the plan of that share
 * instead of the policy's. A forked child claims a share of its own. Called at start-up and by the fork handler, while
 * one thread runs this code.
 *
 * Where the policy deals out no shares but has rules by the number of a process (process_index), the process gets its
 * number there.
 *
 * Without the ledger the share follows from the process's number, and the reason no-ledger is noted. If the share's plan
 * is not available, the process keeps the plan that it has.
 */
#ifndef NODEWISE_SHIM_START_SHARE_H
#define NODEWISE_SHIM_START_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/plan.h"

/* At start-up, with the policy's plan in shim.plan. Replaces shim.plan and shim.plan_path by those of the share. */
void share_take(void);
/*
 * Limits the base state to the share. A mask that came from a process of another share, by fork and exec, does not
 * count. false: the process has no share.
 */
bool share_narrow_base(void);
/*
 * A reload gives a process that has, or had, a share from a ledger the policy's own plan at `path`, which deals out
 * shares: takes one, and replaces the plan and its path, of `size` bytes, by those of the share.
 */
void share_of_another(struct plan_view *plan, char *path, size_t size);
/*
 * The plan is another one now (a reload): of the process's share of the new policy, or a policy's own, which is for all
 * that the process was started with. The process is listed in the new policy's ledger, and not in the old one's.
 */
void share_plan_changed(void);
/* At the end of the process: gives the share and the number back. */
void share_leave(void);
/* In a forked child, before anything is placed: switches to the plan of another share and makes its tables. */
void share_forked(void);

#endif
