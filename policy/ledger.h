/*
 * ledger: which process of a deployment has which share of the machine. A small file that the processes of one user map
 * together: a starting process adds its own entry and removes those of dead processes, so that kill -9 leaves nothing
 * behind. The writer holds flock(2) on the file, which the kernel releases when a process dies; without the lock the
 * counts may be off by one process for a moment, nothing else.
 *
 * The file may have been written by a damaged or hostile program of the same user: every number is checked before it is
 * used. Pure but for `is_alive`; allocation-free, signal-safe.
 */
#ifndef NODEWISE_POLICY_LEDGER_H
#define NODEWISE_POLICY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/words.h"

#define LEDGER_MAGIC   UINT64_C(0x315244474c57444e) /* "NDWLGDR1" */
#define LEDGER_ENTRIES 1024u

struct ledger_entry {
    uint32_t pid; /* 0: free */
    uint32_t share;
    uint64_t ticks; /* start time of the process, field 22 of /proc/PID/stat: tells a reused pid */
};

struct ledger {
    uint64_t magic;
    uint32_t shares; /* what the entries were written for; another number begins anew */
    uint32_t turn;   /* of round_robin: shares given out, ever */
    struct ledger_entry entries[LEDGER_ENTRIES];
};

typedef bool ledger_is_alive(uint32_t pid, uint64_t ticks);

/*
 * The share of a process, now in the ledger: what it has already, else a new one. sizes: CPUs of each share, for
 * compact, which fills one before the next. With more processes than entries the process gets a share and no entry.
 * *ret_index: a small number that no other living process of the deployment has.
 */
uint32_t ledger_claim(struct ledger *ledger, uint32_t pid, uint64_t ticks, enum process_distribution distribution,
                      uint32_t shares, const uint32_t *sizes, ledger_is_alive *is_alive, uint32_t *ret_index);

/* Processes of each share, dead ones struck out first. ret_counts has `shares` numbers. */
void ledger_count(struct ledger *ledger, uint32_t shares, uint32_t *ret_counts, ledger_is_alive *is_alive);

/* At most this many shares: more places than that are dealt out in groups. */
#define LEDGER_SHARES 256u

#endif
