/*
 * exchanges: what the exchanges of the C interface do, in the segment. Their workers tell what has happened since they told
 * the last time; the sums are kept here, because any process of the user may write into the segment, and because a reload
 * may make another one.
 *
 * One thread at a time, errno kept.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_EXCHANGES_H
#define NODEWISE_SHIM_TELEMETRY_EXCHANGES_H

#include "shim/base/door.h"
#include "shim/base/segment_layout.h"

/* An exchange of that name opens. Its number, from 1; 0: there are too many names. */
uint32_t exchanges_open(const char *name);
/* Closes it. Its workers have left. */
void exchanges_close(uint32_t exchange);

/* A worker of it joins on that node. Its number, from 1; 0: it is not listed. */
uint32_t exchanges_enter(uint32_t exchange, uint32_t node);
void exchanges_leave(uint32_t peer);

/* What a worker, or 0, and the workers on a pair of nodes have done since the last time. */
void exchanges_tell_peer(uint32_t peer, const struct door_peer *told);
void exchanges_tell_flow(uint32_t exchange, const struct door_flow *told);

#endif
