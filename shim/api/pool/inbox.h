/*
 * inbox: what comes to the workers of a node from outside: a bounded queue, first in, first out, for any number of threads
 * at both ends. Vyukov's bounded MPMC queue (1024cores.net): a turn number in each cell says whose it is.
 *
 * The bound is the number asked for, not the power of two above it. Once closed it takes nothing more; what it has taken
 * is still given out.
 *
 * Any thread; not in signal handlers: a thread that is interrupted between taking a cell and filling it holds up the
 * readers behind it. No allocation after inbox_init(). Ownership: inbox_free().
 */
#ifndef NODEWISE_SHIM_API_POOL_INBOX_H
#define NODEWISE_SHIM_API_POOL_INBOX_H

#include "shim/api/pool/deque.h"

struct inbox_cell;

struct inbox {
    alignas(128) _Atomic uint64_t tail; /* next to fill; the top bit: closed */
    _Atomic uint64_t head_seen;         /* by writers: no later than head, whose line readers write to */
    alignas(128) _Atomic uint64_t head; /* next to take */
    alignas(128) struct inbox_cell *cells;
    uint64_t mask, bound;
    _Atomic uint64_t most;
};

/* bound: at least 1. node: where its memory is to be, as far as the kernel grants it; -1: anywhere. 0 or -ENOMEM. */
int inbox_init(struct inbox *inbox, uint32_t bound, int32_t node);
void inbox_free(struct inbox *inbox);

int inbox_put(struct inbox *inbox, struct entry entry); /* 0, -EAGAIN: full, -ESHUTDOWN: closed */
/* Takes up to `room`, at most half of what is there (rounded up). Returns how many. */
size_t inbox_take(struct inbox *inbox, struct entry *ret_entries, size_t room);
void inbox_close(struct inbox *inbox);
/* The most that inbox_take() has found there. */
uint64_t inbox_most(const struct inbox *inbox);
/* How many, those that are just being filled included. Sequentially consistent. */
size_t inbox_count(const struct inbox *inbox);
bool inbox_holds(const struct inbox *inbox, const struct nw_group *group, const struct nw_task *task);

#endif
