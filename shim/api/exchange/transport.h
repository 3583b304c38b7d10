/*
 * transport: how the workers of an exchange that are not of this process are reached. Workers of one process always have
 * rings between them; what differs is where peers' states are, and who makes the ring to a worker of another process.
 *
 * Negative errno. Any thread, unless it says otherwise.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_TRANSPORT_H
#define NODEWISE_SHIM_API_EXCHANGE_TRANSPORT_H

struct agreement;
struct lane;
struct nw_exchange;

struct transport {
    /*
     * Takes part in the exchange: sets its `all`, and where not every worker may be of this process, `process`, `first_own`
     * and `own_count`. name: as struct nw_exchange_options has it, in `shared` if it is there. After a failure there is
     * nothing to close.
     */
    int (*open)(struct nw_exchange *exchange, const char *name);
    /* Once no worker of this process lives: nothing comes in any more. */
    void (*stop)(struct nw_exchange *exchange);
    /* Once the lanes are gone, too. */
    void (*close)(struct nw_exchange *exchange);
    /*
     * A ring to a worker of another process, which is told of it. -EAGAIN: not yet; the sender's nw_wait() ends when it can
     * be made. -EPIPE: that process is gone. -ENOBUFS.
     */
    int (*make_lane)(struct nw_exchange *exchange, const struct agreement *agreement, struct lane *lane);
    /* The memory of the ring of such a lane, or of one that came from another process. */
    void (*free_lane)(struct nw_exchange *exchange, struct lane *lane);
    /* That descriptor wakes a worker of this process. */
    void (*tell_fd)(struct nw_exchange *exchange, unsigned index, int fd);
};

extern const struct transport transport_threads; /* this process alone */
extern const struct transport transport_shared;  /* processes of this host */
extern const struct transport transport_hosts;   /* ranks of an MPI program */

#endif
