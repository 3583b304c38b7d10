/*
 * shown: what an exchange does, told to the shim, which shows it in the process's segment to `nodewise show` and others.
 * Without the shim nothing is counted. A worker tells before it sleeps, at every so many messages while it does not, and when
 * it closes a channel.
 *
 * Of each lane the receiver counts what was sent; what is queued is as either end has seen it last.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_SHOWN_H
#define NODEWISE_SHIM_API_EXCHANGE_SHOWN_H

#include "shim/api/exchange/exchange.h"

void shown_open(struct nw_exchange *exchange, const char *name);
void shown_close(struct nw_exchange *exchange);

/* It has joined, and its peer's node is known. */
void shown_enter(struct nw_worker *worker);
/* It has no channels any more. */
void shown_leave(struct nw_worker *worker);

/* Of the worker's own thread. */
void shown_look(struct nw_worker *worker);
/* The same, once a channel is none of its any more, and of that channel. */
void shown_end_channel(const struct nw_channel *channel);
/* The receiver reads the lane no more; before its receiver lets go of it. */
void shown_end(struct nw_exchange *exchange, struct lane *lane);

#endif
