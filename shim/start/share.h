/*
 * share: this process's part of the machine, where the policy spreads the processes of a deployment ([process]
 * distribution): claimed in the ledger (policy/ledger.h), then the plan of that share is taken instead of the policy's.
 * A forked child claims for itself.
 *
 * What cannot be had (the ledger, the plan) leaves the process with the plan it has.
 */
#ifndef NODEWISE_SHIM_START_SHARE_H
#define NODEWISE_SHIM_START_SHARE_H

#include <stdbool.h>

/* At the start, with the policy's plan in shim.plan; that, and plan_path, become the share's. */
void share_take(void);
/*
 * The base state is within the share then. A mask that a process of another share was given, and that came along by
 * fork and exec, does not count. false: there is no share.
 */
bool share_narrow_base(void);
/* In a forked child, before anything is placed: another share's plan, and tables for it. */
void share_forked(void);

#endif
