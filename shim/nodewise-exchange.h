/*
 * nodewise-exchange.h: n workers with an index, and a first-in-first-out channel from each to each. nodewise.h includes
 * it; the rules that its first comment gives hold here, too.
 *
 * What is sent lies in rings, one for each pair that has something to say, in memory of the receiver's node. Nothing is
 * allocated once the rings are there. There is an order between two workers, and none among three.
 */
#ifndef NODEWISE_EXCHANGE_H
#define NODEWISE_EXCHANGE_H

#include "nodewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- workers --- */

struct nw_exchange;
struct nw_worker;
struct nw_channel;

/* Set size to sizeof(struct nw_exchange_options). */
struct nw_exchange_options {
    uint32_t size;
    unsigned peers;      /* workers, of all processes together; 1 to 4096 */
    size_t memory_limit; /* of all rings that this process has, in bytes; 0: 256 MiB */
    uint32_t spin_us;    /* before a waiting worker sleeps in the kernel; 0: 20 */
    uint8_t mode;        /* enum nw_mode: of the pins of nw_exchange_run() */
    const char *name;    /* of the threads that nw_exchange_run() starts: name-0001, …; NULL: "exchange". The policy's
                            [[exchanges]] knows the exchange by it, and decides over the options */
    const char *cpus;    /* of nw_exchange_run(): a set as for nw_topology_set(); NULL: all */
    const char *shared;  /* NULL: threads of this process; a name: also of others on this host that open the same */
    const char *transport; /* NULL: as above; "mpi": also of the other processes of an MPI program, on any hosts */
    unsigned workers;      /* of nw_exchange_run(), with `shared`: that this process runs; 0: all */
};

/*
 * nw_exchange_open - opens an exchange for a number of workers
 *
 * Processes of one user that open the same name share one: its workers may be threads of any of them, and join under
 * indexes that no other has. A shared name with a slash is the path of a socket, which the first process makes (mode 0600);
 * any other stands for one in $XDG_RUNTIME_DIR. The first process brings the others together, and none can come once it has
 * ended. A process that ends without nw_worker_leave(), however it does, leaves to the others what its workers had
 * published; then they learn that these have left. A thread of the library's own waits for all that. Processes that share
 * an exchange can write to each other's messages: they must trust each other that far, but none can make another read
 * beyond a ring.
 *
 * With the transport "mpi", which the policy may name, too, all processes of MPI_COMM_WORLD open their exchanges of that
 * kind in the same order, with the same names and numbers of peers; each waits for the others. The indexes are dealt out
 * evenly: those of a process follow one another, in the order of ranks. A thread named nw-comm, which a rule of the policy
 * may place, makes all calls of MPI. It begins MPI at the first exchange and ends it as the process ends, and both wait for
 * the other processes. A program that uses MPI itself has begun it before, with MPI_THREAD_MULTIPLE, and ends it once its
 * exchanges are closed. The library libnodewise-mpi.so is opened for that, from the folder nodewise beside this one. While
 * an exchange is open, the thread looks for what comes in, at last each millisecond: MPI has nothing to sleep on.
 * What a receiver's process has no memory for within its limit is refused to the sender with -EPIPE.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: an option is unknown, there are no or too many peers, or the other processes' exchange has another number
 * of them. -EPERM: another user has the shared name. -ENAMETOOLONG: its path is longer than a socket's may be. -ENOMEM:
 * memory is short. Errors of socket(2), bind(2) and memfd_create(2). -ECHILD: the process is a forked child. With "mpi" also
 * -EINVAL: another process has opened another exchange. -ENOENT: libnodewise-mpi.so or MPI cannot be opened. -ENOSYS:
 * libnodewise-mpi.so is of another version. -EOPNOTSUPP: the program has begun MPI without MPI_THREAD_MULTIPLE. -ESHUTDOWN:
 * it has ended MPI. -EIO: MPI failed.
 */
int nw_exchange_open(const struct nw_exchange_options *options, struct nw_exchange **ret);

/*
 * nw_exchange_join - makes the calling thread one of the workers
 *
 * Its rings will lie on the node where it runs now: a thread that wants to be near to them is pinned first. A worker
 * belongs to its thread: what has it as an argument is called by that thread alone, but for nw_wake().
 *
 * index: below the number of peers; -1: the first that is free. An index is used once.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: there is no such index. -EBUSY: it is taken, or was. -ENOSPC: all are. -ENOMEM: memory is short. -ECHILD:
 * the process is a forked child.
 */
int nw_exchange_join(struct nw_exchange *exchange, int index, struct nw_worker **ret);

/*
 * nw_worker_leave - ends a worker and closes its channels
 *
 * The others receive what it has sent. After that they learn that it has left: nw_wait() returns, nw_send() to it answers
 * -EPIPE. NULL does nothing.
 */
void nw_worker_leave(struct nw_worker *worker);

/*
 * nw_exchange_close - frees an exchange
 *
 * With "mpi" it waits until all processes have closed it.
 *
 * Returns: 0, or a negative errno. NULL does nothing.
 *
 * Errors: -EBUSY: a worker has not left. -ECHILD: the process is a forked child.
 */
int nw_exchange_close(struct nw_exchange *exchange);

/*
 * nw_exchange_run - opens an exchange, runs a function in each of its workers, and closes it
 *
 * The workers are threads of their own, a core each where there are as many, on all nodes of the set in turn. With the
 * preloaded library a rule of the policy that matches their names places them instead; a table of its [[exchanges]] may also
 * make them fewer than the options say, never more. All have joined, those of other processes, too, before the
 * function begins in one of them; a worker leaves when its function returns.
 *
 * options: its peers may be 0, unless processes share the exchange: a worker for each core of the set, within the cgroup's
 * quota.
 * run: called with the worker and the context; what it returns is its result.
 * ret_results: of the workers of this process, in the order of their indexes; or NULL.
 *
 * Returns: how many workers this process had, or a negative errno; then run was not called.
 *
 * Errors: those of nw_exchange_open() and nw_exchange_join(). -ENOENT: cpus is empty on this machine. -EPERM: NW_HARD, and a
 * worker could not be pinned. -EAGAIN: no thread could be made.
 */
int nw_exchange_run(const struct nw_exchange_options *options, int (*run)(struct nw_worker *worker, void *context),
                    void *context, int *ret_results);

/*
 * nw_worker_index - tells which worker this is
 */
unsigned nw_worker_index(const struct nw_worker *worker);

/*
 * nw_worker_peers - tells how many workers the exchange is for
 */
unsigned nw_worker_peers(const struct nw_worker *worker);

/*
 * nw_worker_error - tells why the connection to other processes has ended
 *
 * When MPI fails, the workers of all other processes have left, and no exchange between hosts can be opened any more.
 *
 * ret_words: what MPI calls it, "" without an error; valid until the process ends. Or NULL.
 *
 * Returns: 0: it has not ended, or nothing can end it; or a negative errno.
 */
int nw_worker_error(const struct nw_worker *worker, const char **ret_words);

enum nw_peer {
    NW_PEER_ABSENT, /* has not joined yet */
    NW_PEER_JOINED,
    NW_PEER_LEFT, /* what it sent may still be there */
};

/*
 * nw_worker_peer - tells whether another worker has joined, or left
 *
 * Returns: the state, or -EINVAL: there is no such index.
 */
int nw_worker_peer(const struct nw_worker *worker, unsigned peer);

/*
 * nw_wait - waits until there is something to do
 *
 * That is: a message in a channel that the worker has open; room in a ring to which nw_send() answered -EAGAIN; a worker
 * that joined or left; nw_wake(). What was sent without a flush is published first.
 *
 * timeout_ns: below 0: for ever; 0: not at all.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ETIMEDOUT: nothing came until then. -ECHILD: the process is a forked child.
 */
int nw_wait(struct nw_worker *worker, int64_t timeout_ns);

/*
 * nw_wake - makes another worker's nw_wait() return
 *
 * Now, or the next time. Several calls may count as one.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: there is no such index. -EPIPE: it has left. -EAGAIN: it has not joined yet.
 *
 * Safety: any thread, signal handlers.
 */
int nw_wake(struct nw_worker *worker, unsigned peer);

/*
 * nw_worker_fd - gives a descriptor that becomes readable when nw_wait() would return
 *
 * For epoll(7) and its kin. Before the program sleeps on it, nw_wait() with a time-out of 0 must have answered -ETIMEDOUT:
 * that arms it. Nothing but poll may be done with it; nw_exchange_close() closes it.
 *
 * Returns: the descriptor, or a negative errno of eventfd(2).
 */
int nw_worker_fd(struct nw_worker *worker);

/* --- channels --- */

/*
 * nw_channel_open - opens a channel from each worker to each
 *
 * Every worker that takes part opens it, in any order, with the same id, size and room. Its messages to a worker that has
 * not opened it wait there.
 *
 * message_size: in bytes; 0: each message has a length of its own.
 * room: how much may be on the way from one worker to another: a number of messages, or, with lengths of their own, bytes,
 * where each message takes its length rounded up to 8, and 8 more. Exactly that much has room, unless the policy says
 * otherwise: then a message at least, and never less than room where messages have lengths of their own.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: room is 0, or more than 1 GiB. -EEXIST: another worker has opened the id with another size or room.
 * -EBUSY: the worker has it open. -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 */
int nw_channel_open(struct nw_worker *worker, uint32_t id, uint32_t message_size, uint32_t room,
                    struct nw_channel **ret);

/*
 * nw_channel_close - closes the worker's end of a channel
 *
 * The others receive what was sent. What was not received is lost; who sends to this worker is answered -EPIPE. NULL does
 * nothing.
 */
void nw_channel_close(struct nw_channel *channel);

/*
 * nw_send - sends a copy of a message and makes it visible
 *
 * to: a worker's index; the own one is allowed.
 *
 * Returns: 0, or a negative errno; then nothing was sent.
 *
 * Errors: -EAGAIN: there is no room, or the worker has not joined yet: nw_wait() returns when that has changed. -EPIPE: it
 * has left or closed the channel. -EMSGSIZE: the length is not the channel's, or is more than room. -EINVAL: there is no
 * such index. -ENOBUFS: the ring would be beyond the memory limit. -ENOMEM: memory is short. -ECHILD: the process is a
 * forked child.
 */
int nw_send(struct nw_channel *channel, unsigned to, const void *message, uint32_t length);

/*
 * nw_send_begin - gives room for a message in the receiver's ring
 *
 * The program writes the message there, without a copy. There may be one at a time for each receiver; another call before
 * nw_send_end() forgets it.
 *
 * Returns: 0, or a negative errno as nw_send().
 */
int nw_send_begin(struct nw_channel *channel, unsigned to, uint32_t length, void **ret);

/*
 * nw_send_end - sends the message that was begun
 *
 * flush: the receiver sees it, and what was sent before it, at once. Without it, it does when half of the ring waits, at
 * nw_flush(), or when this worker waits.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: none was begun. -EPIPE: the receiver has left or closed the channel meanwhile.
 */
int nw_send_end(struct nw_channel *channel, unsigned to, bool flush);

/*
 * nw_flush - publishes all that was sent without a flush
 */
void nw_flush(struct nw_channel *channel);

/*
 * nw_broadcast - sends a copy to every other worker, or to none
 *
 * To those that have neither left nor closed the channel.
 *
 * Returns: to how many, or a negative errno as nw_send(); then nobody got it.
 */
int nw_broadcast(struct nw_channel *channel, const void *message, uint32_t length);

/*
 * nw_receive - receives the next message, in place
 *
 * Rings are looked at in turn. The message lies in the ring, and is valid until nw_receive_end() or the next call.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: there is none. -EPIPE: there is none, and all other workers have left.
 */
int nw_receive(struct nw_channel *channel, unsigned *ret_from, const void **ret, uint32_t *ret_length);

/*
 * nw_receive_end - gives the room of the received message back to its sender
 */
void nw_receive_end(struct nw_channel *channel);

/*
 * NW_CHANNEL(orders, struct order) defines, for channels whose messages have that type:
 *   int orders_send(struct nw_channel *, unsigned to, const struct order *);
 *   int orders_receive(struct nw_channel *, unsigned *ret_from, const struct order **);
 */
#define NW_CHANNEL(name, type)                                                                                         \
    static inline int name##_send(struct nw_channel *channel, unsigned to, const type *message)                        \
    {                                                                                                                  \
        return nw_send(channel, to, message, (uint32_t)sizeof(*message));                                              \
    }                                                                                                                  \
    static inline int name##_receive(struct nw_channel *channel, unsigned *ret_from, const type **ret)                 \
    {                                                                                                                  \
        const void *message;                                                                                           \
        uint32_t length;                                                                                               \
        int error = nw_receive(channel, ret_from, &message, &length);                                                  \
        if (error == 0)                                                                                                \
            *ret = (const type *)message;                                                                              \
        return error;                                                                                                  \
    }

#ifdef __cplusplus
}
#endif

#endif
