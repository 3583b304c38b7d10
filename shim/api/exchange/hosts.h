/*
 * hosts: an exchange of the processes of a parallel program, which may be on many hosts.
 *
 * A lane to a worker of another process is two rings of the same shape: the sender's, and the receiver's, which is on the
 * receiver's node. The communication thread (comm.h) of each process is the reader of the one and the writer of the other.
 * It carries the bytes over as they stand, and gives room back in the sender's ring only when the receiver has given it
 * back in its own. So the bound is the one that was asked for, what was sent always has room where it arrives, and neither
 * side keeps anything but rings.
 *
 * What another process does not know yet follows from the state of lanes and peers, and is told when a batch has room:
 * there is no queue that could grow.
 *
 * All of it is under the communication thread's lock, unless it says otherwise.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_HOSTS_H
#define NODEWISE_SHIM_API_EXCHANGE_HOSTS_H

#include "shim/api/exchange/batch.h"
#include "shim/api/exchange/exchange.h"

/* A lane to another process's worker. */
struct outbound {
    struct lane *lane; /* NULL: it has ended */
    const struct agreement *agreement;
    struct ring_reader reader; /* behind what was taken for the run below */
    uint64_t messages;         /* taken, ever */
    bool is_told;
    /* bytes that stand in one piece, and end with a whole message */
    uint64_t run_at, run_length, run_put;
};

/* A lane from another process's worker. */
struct inbound {
    struct lane *lane; /* NULL: it has ended, or its receiver takes no more */
    struct ring_writer writer;
    uint64_t credited;
    bool is_refused; /* no ring could be had: its receiver takes nothing, which is still to be told */
};

/* What another process and this one know of each other. */
struct member {
    bool told_open, has_opened;
    bool told_close, has_closed;
    uint32_t peers; /* as it says */
    bool is_other;  /* its exchange is another one */
    struct outbound *out;
    uint32_t out_count;
    size_t out_room;
    struct inbound *in;
    uint32_t in_count;
    size_t in_room;
    uint32_t turn;          /* the outbound lane to look at first */
    uint32_t *lanes_of;     /* that have not ended, by own worker */
    unsigned char *told_of; /* enum nw_peer, by own worker */
};

struct hosts {
    struct nw_exchange *exchange;
    struct hosts *next; /* of the communication thread's */
    uint32_t number;    /* how many exchanges were opened before, alike in all processes */
    char name[64];
    bool is_open;    /* all processes take part */
    bool is_closing; /* no own worker lives, or the process ends */
    bool is_broken;  /* the connection has ended; comm.h knows why */
    unsigned rank, member_count;
    struct member members[]; /* by rank */
};

/* --- for the communication thread --- */

/* Puts into the batch what that process has to know. with_credits: also where little room was given back. */
void hosts_fill(struct hosts *hosts, unsigned rank, struct batch *batch, bool with_credits);
/* What that process has told. -EBADMSG: no process tells such a thing. */
int hosts_take(struct hosts *hosts, unsigned rank, const struct host_note *note, const unsigned char *data);
/* A worker that publishes something for another process from now on wakes the communication thread. */
void hosts_arm(struct hosts *hosts);
/* Nothing comes in or goes out any more. */
void hosts_break(struct hosts *hosts);
/* Nothing is left to be told or heard. */
bool hosts_are_over(const struct hosts *hosts);
/* Do all take part? -EINVAL: one of them has another exchange in its place. */
int hosts_check(const struct hosts *hosts, bool *ret_all);

/* --- among the files of hosts --- */

void outbound_end(struct hosts *hosts, unsigned rank, struct outbound *out);
void inbound_end(struct hosts *hosts, struct inbound *in);

/* The indexes of a process's workers: as many for each, and one more for some where they do not divide. */
static inline unsigned hosts_first(const struct hosts *hosts, unsigned rank)
{
    return (unsigned)((uint64_t)rank * hosts->exchange->peers / hosts->member_count);
}

#endif
