/*
 * ledger_file: this process's place in the ledger of a policy (policy/ledger.h), in the file POLICY.ledger of the user's
 * folder. The file is locked for some microseconds, by flock(2), which the kernel ends when the holder dies. From a
 * holder that is stopped, or keeps the lock for another reason, a copy is taken after LEDGER_WAIT_MS and put in the
 * file's place: it costs those that wait that time, once, and none later. The holder notices when it goes on.
 *
 * At start-up, at a reload, in a forked child and at the end; one thread at a time in a process. errno is not kept.
 */
#ifndef NODEWISE_SHIM_START_LEDGER_FILE_H
#define NODEWISE_SHIM_START_LEDGER_FILE_H

#include "policy/ledger.h"
#include "policy/reason.h"

#define LEDGER_WAIT_MS 10

/*
 * Takes or keeps the process's place. REASON_OK or LEDGER_REPLACED, and *ret_place; else NO_LEDGER: there is no folder,
 * no room, or no time.
 */
enum reason ledger_file_claim(uint64_t policy_id, const struct ledger_deal *deal, struct ledger_place *ret_place);

/* Gives the place back. Does nothing while another process holds the lock: the next ones see that this one ended. */
void ledger_file_release(uint64_t policy_id, uint32_t shares);

#endif
