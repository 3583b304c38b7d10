/*
 * exchange: an exchange as its files see it: a peer for each index, channels, and the lanes between peers.
 *
 * A lane is a ring from one worker to another in one channel. The sender makes it at its first message, in memory of the
 * receiver's node, and puts it among the receiver's arrivals; both have it until each has let go of it.
 *
 * A worker's own state (struct nw_worker, struct nw_channel) is of its thread alone. What others see of it is in struct
 * peer and in the rings.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_EXCHANGE_H
#define NODEWISE_SHIM_API_EXCHANGE_EXCHANGE_H

#include <pthread.h>

#include "shim/api/exchange/ring.h"
#include "shim/api/exchange/ring_memory.h"
#include "shim/nodewise-exchange.h"

#define EXCHANGE_PEERS 4096u

/*
 * What a peer's senders have to do after they published something (wake.h). AWAKE: nothing. FENCED: to look again behind
 * a fence, because it sleeps now and then. ARMED: to wake it.
 */
enum { PEER_AWAKE = 0, PEER_FENCED = 1, PEER_ARMED = 2 };

struct peer {
    /*
     * The above; the futex of its sleep. So far from the next peer's that two who wait are not taken for threads that wait
     * for one object (shim/memory/pairs.h).
     */
    alignas(256) atomic_uint sleep;
    atomic_uint woken;    /* nw_wake() was called */
    atomic_uint events;   /* workers that joined or left */
    atomic_uint state;    /* enum nw_peer */
    _Atomic int32_t node; /* once it has joined */
    atomic_uint lanes;    /* that other processes have made for it */
};

/* A state says whose worker it is, too: that process's end is its end. JOINING is told as NW_PEER_ABSENT. */
enum { PEER_JOINING = 3 };

static inline unsigned state_of(unsigned process, unsigned state)
{
    return process << 8 | state;
}

static inline unsigned peer_process(unsigned state)
{
    return state >> 8;
}

static inline bool peer_is_joining(unsigned state)
{
    return (state & 0xff) == PEER_JOINING;
}

/* Another process may have written anything there. */
static inline enum nw_peer peer_state(unsigned state)
{
    switch (state & 0xff) {
    case NW_PEER_ABSENT:
    case PEER_JOINING:
        return NW_PEER_ABSENT;
    case NW_PEER_JOINED:
        return NW_PEER_JOINED;
    default:
        return NW_PEER_LEFT;
    }
}

/* What its own process alone knows of a peer. */
struct own_peer {
    atomic_int fd;           /* of nw_worker_fd(); -1: none */
    atomic_uint tid;         /* of its thread, where that is of this process; 0: it is not, or has not joined */
    struct ring_store store; /* of the rings in which it receives */
    atomic_uint lanes;       /* of the peer's member of that name, those that have come */
};

/* What is in memory that other processes of the exchange have, too, where there are any. */
struct peers {
    atomic_uint left; /* workers that have left */
    struct peer peer[];
};

struct lane {
    struct ring *ring;
    struct ring_place place;
    unsigned from, to;
    atomic_uint holders; /* the ends in this process; the last one frees it */
    bool is_remote;      /* its other end is in another process */
    unsigned process;    /* which one, of processes that share memory */
    struct lane *next_shared;
    struct lane *next; /* among arrivals */
    /* as last told (shown.h), of both ends, under the lock there */
    uint64_t told_messages, told_bytes, told_queued;
    bool is_over; /* the receiver reads it no more */
};

/* A channel's lanes that the receiver has not yet looked at. */
struct arrivals {
    alignas(64) _Atomic(struct lane *) first;
    atomic_bool closed; /* the receiver has closed the channel, or left */
};

/* What workers agree on when they open a channel. */
struct agreement {
    uint32_t id, message_size, room;
    struct ring_shape shape; /* of that room, or of the policy's */
    struct agreement *next;
    struct arrivals arrivals[]; /* by receiver */
};

struct nw_exchange {
    unsigned peers;
    atomic_bool may_be_awake; /* senders need no fence while a peer does not sleep: membarrier(2) works */
    int64_t spin_ns;
    uint64_t ring;   /* bytes that the policy gives each ring; 0: as the program says */
    uint32_t listed; /* the shim's number of it; 0: it is not shown */
    struct ring_budget budget;
    pthread_mutex_t lock; /* of what follows, and of joining */
    struct agreement *agreements;
    unsigned living;                   /* workers of this process */
    const struct transport *transport; /* to other processes */
    struct shared *shared;             /* of the one that it is; the other is NULL */
    struct hosts *hosts;
    unsigned process;              /* the number of this one; 0 where it is the only one */
    unsigned first_own, own_count; /* the indexes that workers of this process may have */
    struct own_peer *own;          /* by index */
    struct peers *all;
};

/* A worker of this process, which lives. */
static inline bool peer_is_own(const struct nw_exchange *exchange, unsigned index)
{
    unsigned state = atomic_load(&exchange->all->peer[index].state);
    return peer_state(state) == NW_PEER_JOINED && peer_process(state) == exchange->process;
}

/* The receiving and sending ends of a channel's worker. */
struct inlet {
    struct ring_reader reader;
    struct peer *sender;
    struct lane *lane;
    unsigned from;
};

struct outlet {
    struct ring_writer writer; /* its ring is NULL: nothing was sent yet */
    struct peer *receiver;
    uint32_t words; /* of each message, where it has few whole ones: nw_send() copies them itself */
    struct lane *lane;
    uint64_t wanted; /* bytes for which there was no room; 0: it is not among the refused */
    bool is_dirty;   /* it is among the dirty */
    struct outlet *next_refused, *next_dirty, *next_used;
};

#define NO_INLET UINT32_MAX

struct nw_channel {
    struct nw_worker *worker;
    struct agreement *agreement;
    struct nw_channel *next;
    unsigned peers;
    struct outlet *outlets; /* by receiver */
    struct outlet *refused; /* those that want room */
    struct outlet *dirty;   /* those that may have something unpublished */
    struct outlet *used;    /* those that have a ring */
    struct inlet *inlets;   /* of those that have sent, and may send again */
    uint32_t inlet_count;
    size_t inlet_room;
    uint32_t turn; /* the inlet to look at first */
    uint32_t open; /* the inlet whose message is being read */
};

struct nw_worker {
    struct nw_exchange *exchange;
    struct peer *peer;
    unsigned index;
    unsigned events;         /* of the peer's, as last told */
    uint32_t passed;         /* messages since it slept, or wake_calm() was called */
    uint32_t listed;         /* the shim's number of it; 0: it is not shown */
    uint64_t slept, refused; /* since that was told */
    struct nw_channel *channels;
};

/* Zeroed, but for the peers' sleep, which is PEER_AWAKE or PEER_FENCED. NULL: memory is short. free(). */
struct peers *peers_make(unsigned count, unsigned sleep);
/* Ends the waits of this process's workers, who have something to look at. */
void peers_tell_own(struct nw_exchange *exchange);
/* A peer of another process has left, however it did. What it had sent must be there. Once for each. */
void peers_end(struct nw_exchange *exchange, unsigned index, unsigned process);

/* Makes inlets of the lanes that have arrived. Were there any? */
bool channel_take_arrivals(struct nw_channel *channel);
/* Is there something to receive, or room for what was refused? Of the latter it tells once. */
bool channel_tells(struct nw_channel *channel);
/* Makes visible what was sent without a flush. */
void channel_publish(struct nw_channel *channel);
/* Ends the worker's part in it and frees it. */
void channel_end(struct nw_channel *channel);
/* Nobody takes what comes to that receiver: neither what is there nor what may still come. */
void arrivals_close(struct nw_exchange *exchange, struct agreement *agreement, unsigned receiver);
/* Once no worker lives. */
void agreement_free(struct nw_exchange *exchange, struct agreement *agreement);

/* Under the exchange's lock. -EEXIST: the workers disagree; -EINVAL; -ENOMEM. */
int agreement_find(struct nw_exchange *exchange, uint32_t id, uint32_t message_size, uint32_t room,
                   struct agreement **ret_agreement);

/* Puts a lane where its receiver finds it. -EPIPE: it takes nothing any more. */
int lane_arrive(struct nw_exchange *exchange, struct arrivals *arrivals, struct lane *lane);
/* The same for one that came from another process, and is closed where its receiver takes nothing any more. */
void lane_bring(struct nw_exchange *exchange, struct arrivals *arrivals, struct lane *lane);
/* The receiver takes no more, and lets go of it. */
void lane_close(struct nw_exchange *exchange, struct lane *lane);
/* Of one end, for good. The last one frees it. */
void lane_let_go(struct nw_exchange *exchange, struct lane *lane);

#endif
