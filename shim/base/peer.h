/*
 * peer: other processes of the same user that share a file with this one (policy/ledger.h, policy/board.h). errno is not
 * kept. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_BASE_PEER_H
#define NODEWISE_SHIM_BASE_PEER_H

#include "policy/ledger.h"

/* What tells this process from all others, with the time of now. */
void peer_describe_self(struct ledger_process *ret_self);
/* The program calls unshare(2) or setns(2): children may be in other namespaces. */
void peer_namespaces_changed(void);
/*
 * A ledger_is_alive. A process of other namespaces cannot be looked up: it counts as alive for a day after it was
 * described.
 */
bool peer_is_alive(const struct ledger_process *process, bool closely);

#endif
