/* join: the second halves of nw_join() that a worker has hidden from others (join.c). */
#ifndef NODEWISE_SHIM_API_POOL_JOIN_H
#define NODEWISE_SHIM_API_POOL_JOIN_H

struct worker;

/* Puts all into the deque, as far as it can grow. The worker's own thread. */
void join_open_all(struct worker *worker);

#endif
