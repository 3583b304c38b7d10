/*
 * comm: the process's one communication thread, nw-comm, which makes all calls of MPI. It begins with the first exchange
 * between hosts and ends with the process, because MPI can be begun only once.
 *
 * It looks at lanes and at what has come. When there is nothing for a while, it sleeps until a worker of the process rouses
 * it, for a time at most: MPI has no descriptor to wait for, so what comes in is looked for again and again, more and more
 * seldom. Being roused costs a sleeping thread nothing: the peers of other processes are to their senders like workers that
 * sleep, and are woken by its descriptor.
 *
 * Negative errno. Any thread; the lock is comm's own, before those of exchanges.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_COMM_H
#define NODEWISE_SHIM_API_EXCHANGE_COMM_H

#include "shim/api/exchange/hosts.h"

/* Begins the thread, unless it runs. -ENOENT: the plug-in or MPI is missing; -ENOSYS: it is of another version; errors of
 * ranks_engine.open(). */
int comm_begin(unsigned *ret_rank, unsigned *ret_count);
/* The descriptor that wakes the thread. */
int comm_fd(void);
/* Takes part in an exchange, and waits until all do. -EINVAL. */
int comm_open(struct hosts *hosts);
/* Waits until all have closed it, or the connection has ended. */
void comm_close(struct hosts *hosts);
/* For what is under its lock. */
void comm_lock(void);
void comm_unlock(void);
/* Why the connection has ended: a negative errno, and MPI's words; 0: it has not. */
int comm_error(const char **ret_words);

#endif
