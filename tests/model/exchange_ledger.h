/*
 * exchange_ledger: what the workers of exchange_model have sent, received and asked for, and a watchdog: a worker that sleeps
 * in a wait although something for it was published, is told, and the program aborted.
 *
 * Numbers are noted after the library's call has returned; so what stands there, the library has done. Plain members are not
 * atomic on purpose: the exchange itself must order the sender's writes before the receiver's reads, or ThreadSanitizer
 * tells.
 */
#ifndef NODEWISE_TESTS_MODEL_EXCHANGE_LEDGER_H
#define NODEWISE_TESTS_MODEL_EXCHANGE_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/check.h"

enum { LEDGER_WORKERS = 6, LEDGER_CHANNELS = 3, LEDGER_MOST = 1000 };

/* One direction between two workers in a channel. */
struct ledger_pair {
    uint32_t ids[LEDGER_MOST]; /* of the messages, in their order; plain, of the sender */
    uint32_t sent;             /* plain, of the sender */
    atomic_uint written;       /* the same, for the watchdog */
    atomic_uint published;     /* of those, what the receiver must be able to see */
    atomic_uint received;
    atomic_uint given_back; /* of those, whose room is the sender's again */
    atomic_bool wants_room; /* the sender was refused, and not told since */
};

struct ledger_worker {
    atomic_int thread;                     /* 0: it has none yet */
    atomic_uint waits;                     /* odd while it is in a wait */
    atomic_uint wishes_begun, wishes_done; /* calls of nw_wake() for it */
    atomic_uint wishes_seen, events_seen;  /* of those that had begun before the wait */
    atomic_bool is_open[LEDGER_CHANNELS];
    atomic_uint ends[LEDGER_CHANNELS];      /* it is about to close the channel, or has */
    atomic_bool has_ended[LEDGER_CHANNELS]; /* it has */
};

struct ledger {
    unsigned workers, channels;
    atomic_uint events_begun, events_done;                                    /* workers that joined or left */
    struct ledger_pair pair[LEDGER_CHANNELS][LEDGER_WORKERS][LEDGER_WORKERS]; /* by sender and receiver */
    struct ledger_worker worker[LEDGER_WORKERS];
};

extern struct ledger ledger;

/* Before the threads of a round. */
void ledger_begin(unsigned workers, unsigned channels);
/* All that the worker has written to another is visible there. */
void ledger_publish(unsigned channel, unsigned from, unsigned to);
/* Is there a message for it that it must be able to receive? */
bool ledger_owes_message(unsigned worker);

/* Around a wait: of the worker's thread. was_told: the wait was answered 0. */
void ledger_enter_wait(unsigned worker);
void ledger_leave_wait(unsigned worker, bool was_told);

/* Looks on until it is stopped. `told` says what round it is when something is wrong. */
void ledger_watch(const char *told);
void ledger_stop_watching(void);

#endif
