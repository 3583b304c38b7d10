/* The exchange's side: opening, lanes to other processes, closing. */
#include "shim/api/exchange/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/grow.h"
#include "shim/api/exchange/comm.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"

static bool is_own_index(const struct nw_exchange *exchange, unsigned index)
{
    return index - exchange->first_own < exchange->own_count;
}

/* --- lanes --- */

/* The ring in this process belongs to the worker of this process, and is on its node. */
static struct ring_store *store_of(const struct nw_exchange *exchange, const struct lane *lane)
{
    return &exchange->own[is_own_index(exchange, lane->from) ? lane->from : lane->to].store;
}

static void free_lane(struct nw_exchange *exchange, struct lane *lane)
{
    ring_memory_give(store_of(exchange, lane), &exchange->budget, &lane->place);
}

static int make_room(struct member *member)
{
    struct outbound *out = grow(member->out, &member->out_room, member->out_count, sizeof(*out));
    if (!out)
        return -ENOMEM;
    member->out = out;
    return 0;
}

static int add_lane(struct hosts *hosts, unsigned rank, const struct agreement *agreement, struct lane *lane)
{
    struct member *member = &hosts->members[rank];
    if (hosts->is_closing || hosts->is_broken)
        return -EPIPE;
    int error = make_room(member);
    if (error)
        return error;
    struct outbound *out = &member->out[member->out_count++];
    *out = (struct outbound){.lane = lane, .agreement = agreement};
    ring_read_from(&out->reader, lane->ring, &agreement->shape);
    member->lanes_of[lane->from - hosts->exchange->first_own]++;
    return 0;
}

static int make_lane(struct nw_exchange *exchange, const struct agreement *agreement, struct lane *lane)
{
    unsigned rank = peer_process(atomic_load(&exchange->all->peer[lane->to].state));
    int32_t node = atomic_load(&exchange->all->peer[lane->from].node);
    int error = ring_memory_take(store_of(exchange, lane), &exchange->budget, node, ring_bytes(&agreement->shape),
                                 &lane->place);
    if (error)
        return error;
    lane->ring = lane->place.start;
    atomic_store(&lane->holders, 2); /* the communication thread is the other */
    comm_lock();
    error = add_lane(exchange->hosts, rank, agreement, lane);
    comm_unlock();
    if (error)
        free_lane(exchange, lane);
    return error;
}

void outbound_end(struct hosts *hosts, unsigned rank, struct outbound *out)
{
    hosts->members[rank].lanes_of[out->lane->from - hosts->exchange->first_own]--;
    lane_let_go(hosts->exchange, out->lane);
    out->lane = NULL;
}

void inbound_end(struct hosts *hosts, struct inbound *in)
{
    lane_let_go(hosts->exchange, in->lane);
    in->lane = NULL;
}

/* --- the connection ends --- */

static void break_lanes(struct hosts *hosts, unsigned rank)
{
    struct nw_exchange *exchange = hosts->exchange;
    struct member *member = &hosts->members[rank];
    for (uint32_t i = 0; i < member->out_count; i++)
        if (member->out[i].lane) {
            atomic_store(&member->out[i].lane->ring->closed, 1);
            rouse(exchange, &exchange->all->peer[member->out[i].lane->from]);
            outbound_end(hosts, rank, &member->out[i]);
        }
    for (uint32_t i = 0; i < member->in_count; i++)
        if (member->in[i].lane) {
            atomic_store(&member->in[i].lane->ring->ended, 1);
            inbound_end(hosts, &member->in[i]);
        }
    for (unsigned i = hosts_first(hosts, rank); i < hosts_first(hosts, rank + 1); i++)
        peers_end(exchange, i, rank);
}

void hosts_break(struct hosts *hosts)
{
    if (hosts->is_broken)
        return;
    hosts->is_broken = true;
    for (unsigned i = 0; i < hosts->member_count; i++)
        if (i != hosts->rank)
            break_lanes(hosts, i);
    peers_tell_own(hosts->exchange);
}

bool hosts_are_over(const struct hosts *hosts)
{
    for (unsigned i = 0; !hosts->is_broken && i < hosts->member_count; i++)
        if (i != hosts->rank && !(hosts->members[i].told_close && hosts->members[i].has_closed))
            return false;
    return true;
}

int hosts_check(const struct hosts *hosts, bool *ret_all)
{
    int error = 0;
    *ret_all = true;
    for (unsigned i = 0; i < hosts->member_count; i++) {
        const struct member *member = &hosts->members[i];
        if (i == hosts->rank)
            continue;
        if (!member->has_opened || !member->told_open)
            *ret_all = false;
        else if (member->is_other || member->peers != hosts->exchange->peers)
            error = -EINVAL;
    }
    return error;
}

void hosts_arm(struct hosts *hosts)
{
    struct nw_exchange *exchange = hosts->exchange;
    const unsigned armed = PEER_FENCED | PEER_ARMED;
    for (unsigned i = 0; i < exchange->peers; i++)
        if (!is_own_index(exchange, i) && atomic_load(&exchange->all->peer[i].sleep) != armed)
            atomic_store(&exchange->all->peer[i].sleep, armed);
    /* who gives room back rouses it, too; with wake_refused() */
    for (unsigned rank = 0; rank < hosts->member_count; rank++)
        for (uint32_t i = 0; i < hosts->members[rank].in_count; i++)
            if (hosts->members[rank].in[i].lane)
                atomic_store(&hosts->members[rank].in[i].lane->ring->refused, 1);
    fence_all();
}

/* --- opening and closing --- */

/* Those whose other ends did not ask for them any more. */
static void drop_lanes(struct hosts *hosts, unsigned rank)
{
    struct member *member = &hosts->members[rank];
    for (uint32_t i = 0; i < member->out_count; i++)
        if (member->out[i].lane)
            outbound_end(hosts, rank, &member->out[i]);
    for (uint32_t i = 0; i < member->in_count; i++)
        if (member->in[i].lane)
            inbound_end(hosts, &member->in[i]);
}

static void dispose(struct hosts *hosts)
{
    struct nw_exchange *exchange = hosts->exchange;
    for (unsigned i = 0; i < hosts->member_count; i++) {
        drop_lanes(hosts, i);
        free(hosts->members[i].out);
        free(hosts->members[i].in);
        free(hosts->members[i].lanes_of);
        free(hosts->members[i].told_of);
    }
    /* the descriptor is the communication thread's */
    for (unsigned i = 0; i < exchange->peers; i++)
        if (!is_own_index(exchange, i))
            atomic_store(&exchange->own[i].fd, -1);
    free(exchange->all);
    exchange->all = NULL;
    exchange->hosts = NULL;
    free(hosts);
}

static int make_members(struct hosts *hosts)
{
    size_t own = hosts->exchange->own_count + 1;
    for (unsigned i = 0; i < hosts->member_count; i++) {
        hosts->members[i].lanes_of = calloc(own, sizeof(uint32_t));
        hosts->members[i].told_of = calloc(own, 1);
        if (!hosts->members[i].lanes_of || !hosts->members[i].told_of)
            return -ENOMEM;
    }
    return 0;
}

static int make(struct nw_exchange *exchange, const char *name, unsigned rank, unsigned count)
{
    struct hosts *hosts = calloc(1, sizeof(*hosts) + count * sizeof(hosts->members[0]));
    if (!hosts)
        return -ENOMEM;
    hosts->exchange = exchange;
    hosts->rank = rank;
    hosts->member_count = count;
    snprintf(hosts->name, sizeof(hosts->name), "%s", name);
    exchange->hosts = hosts;
    exchange->process = rank;
    exchange->first_own = hosts_first(hosts, rank);
    exchange->own_count = hosts_first(hosts, rank + 1) - exchange->first_own;
    exchange->may_be_awake = wake_has_barrier();
    exchange->all = peers_make(exchange->peers, exchange->may_be_awake ? PEER_AWAKE : PEER_FENCED);
    for (unsigned i = 0; exchange->all && i < exchange->peers; i++)
        if (!is_own_index(exchange, i)) {
            atomic_init(&exchange->all->peer[i].sleep, PEER_FENCED);
            atomic_init(&exchange->all->peer[i].node, -1);
            atomic_store(&exchange->own[i].fd, comm_fd());
        }
    int error = exchange->all ? make_members(hosts) : -ENOMEM;
    if (error)
        dispose(hosts);
    return error;
}

static int open_hosts(struct nw_exchange *exchange, const char *name)
{
    unsigned rank, count;
    int error = comm_begin(&rank, &count);
    if (!error)
        error = make(exchange, name, rank, count);
    if (error)
        return error;
    error = comm_open(exchange->hosts);
    if (error)
        dispose(exchange->hosts);
    return error;
}

static void stop(struct nw_exchange *exchange)
{
    comm_close(exchange->hosts);
}

static void close_hosts(struct nw_exchange *exchange)
{
    dispose(exchange->hosts);
}

/* Workers of other processes wake the communication thread there, which has it from the exchange. */
static void tell_fd(struct nw_exchange *exchange, unsigned index, int fd)
{
    (void)exchange;
    (void)index;
    (void)fd;
}

const struct transport transport_hosts = {
    .open = open_hosts,
    .stop = stop,
    .close = close_hosts,
    .make_lane = make_lane,
    .free_lane = free_lane,
    .tell_fd = tell_fd,
};
