/*
 * shared: an exchange that processes of one user on one host have together.
 *
 * The states of all peers are in memory that every process maps. Each two processes have a connection, over which they
 * hand each other the memory of rings; a thread of the library's own waits for that, and notices a process that ends.
 * Rings are as in one process (ring.h): what the others write there is checked.
 *
 * Negative errno. Any thread, unless it says otherwise.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_SHARED_H
#define NODEWISE_SHIM_API_EXCHANGE_SHARED_H

#include "shim/api/exchange/exchange.h"

/*
 * Finds the exchange of that name, or begins it; the process's peers take part from then on. -EINVAL: it is for another
 * number of peers; -EPERM: the name is another user's; errors of socket(2) and its kin. After a failure there is nothing to
 * close.
 */
int shared_open(struct nw_exchange *exchange, const char *name);
/* Ends the thread, once no worker of this process lives: nothing comes in any more. Then, once the lanes are gone, the rest. */
void shared_stop(struct nw_exchange *exchange);
void shared_close(struct nw_exchange *exchange);

/* The number of this process among the exchange's; 0 where it is the only one. */
unsigned shared_process(const struct nw_exchange *exchange);

/*
 * A ring to a peer of another process, which is told of it. -EAGAIN: the connection to that process is not there yet; the
 * sender's nw_wait() ends when it is. -EPIPE: the process is gone. -ENOBUFS.
 */
int shared_lane(struct nw_exchange *exchange, const struct agreement *agreement, struct lane *lane);
/* The memory of a ring that shared_lane() made, or that came from another process. */
void shared_lane_free(struct nw_exchange *exchange, struct lane *lane);

/* The others may wake a peer by this descriptor. */
void shared_tell_fd(struct nw_exchange *exchange, unsigned index, int fd);

#endif
