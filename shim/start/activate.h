/* activate: from "governed" to an active shim: base state, tables, segment, the main thread. Start-up only. */
#ifndef NODEWISE_SHIM_START_ACTIVATE_H
#define NODEWISE_SHIM_START_ACTIVATE_H

#include <stdbool.h>

#include "policy/reason.h"

/* nw_shim.plan and .facts are set. REASON_OK, or why the process has to stay dormant. */
enum reason activate(void);

/* Affinity and memory policy as the process has them now, into nw_shim.base. false: the kernel does not tell. */
bool base_read(void);
/*
 * When the mask found is one that this plan gives out, the process was exec'd from a placed thread: its base is
 * what the plan was allowed to use. Returns whether it was so.
 */
bool base_widen(void);

#endif
