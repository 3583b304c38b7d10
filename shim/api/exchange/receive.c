#include <errno.h>
#include <stdlib.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

/* --- inlets --- */

static int make_room(struct nw_channel *channel)
{
    if (channel->inlet_count < channel->inlet_room)
        return 0;
    uint32_t room = channel->inlet_room ? 2 * channel->inlet_room : 8;
    struct inlet *inlets = realloc(channel->inlets, room * sizeof(*inlets));
    if (!inlets)
        return -ENOMEM;
    channel->inlets = inlets;
    channel->inlet_room = room;
    return 0;
}

/* The lanes come last first: those that find no room go back. Returns whether there are new ones. */
static bool take_arrivals(struct nw_channel *channel)
{
    struct arrivals *arrivals = &channel->agreement->arrivals[channel->worker->index];
    if (!atomic_load_explicit(&arrivals->first, memory_order_acquire))
        return false;
    struct lane *lane = atomic_exchange(&arrivals->first, NULL);
    while (lane) {
        struct lane *next = lane->next;
        if (make_room(channel) == 0) {
            struct inlet *inlet = &channel->inlets[channel->inlet_count++];
            inlet->lane = lane;
            ring_read_from(&inlet->reader, lane->ring, &channel->agreement->shape);
        } else {
            lane->next = atomic_load_explicit(&arrivals->first, memory_order_relaxed);
            while (!atomic_compare_exchange_weak(&arrivals->first, &lane->next, lane))
                ;
        }
        lane = next;
    }
    return true;
}

static void drop(struct nw_channel *channel, uint32_t number)
{
    struct inlet *inlet = &channel->inlets[number];
    lane_let_go(channel->worker->exchange, inlet->lane);
    *inlet = channel->inlets[--channel->inlet_count];
}

/* --- receiving --- */

API void nw_receive_end(struct nw_channel *channel)
{
    if (channel->open == NO_INLET)
        return;
    struct inlet *inlet = &channel->inlets[channel->open];
    struct peer *sender = &channel->worker->exchange->peer[inlet->lane->from];
    channel->open = NO_INLET;
    ring_give_back(&inlet->reader);
    /* as rouse(); a sender that sleeps for another reason goes on sleeping */
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&sender->sleep, memory_order_relaxed) == PEER_AWAKE, 1))
        return;
    fence_all();
    if (atomic_load_explicit(&inlet->reader.ring->refused, memory_order_relaxed)) {
        atomic_store(&inlet->reader.ring->refused, 0);
        wake_peer(sender);
    }
}

/* Nothing is left, and nothing will come. */
static bool is_over(struct inlet *inlet)
{
    /* acquire: who sees the end sees all that was published before */
    return atomic_load_explicit(&inlet->reader.ring->ended, memory_order_acquire) && !ring_seen(&inlet->reader);
}

/* -EAGAIN: none of the inlets has anything. */
static int look_at_inlets(struct nw_channel *channel, unsigned *ret_from, struct ring_message *ret_message)
{
    uint32_t left = channel->inlet_count;
    while (left) {
        uint32_t number = channel->turn < channel->inlet_count ? channel->turn : 0;
        struct inlet *inlet = &channel->inlets[number];
        int error = ring_read(&inlet->reader, ret_message);
        if (error == 0) {
            channel->open = number;
            /* what was seen at once is received at once, so that nobody who sends on holds the others up */
            channel->turn = inlet->reader.tail - inlet->reader.taken > inlet->reader.open ? number : number + 1;
            *ret_from = inlet->lane->from;
            return 0;
        }
        left--;
        channel->turn = number + 1;
        if (error == -EAGAIN && is_over(inlet)) {
            drop(channel, number);
            channel->turn = number;
        }
    }
    return -EAGAIN;
}

static bool have_all_left(const struct nw_exchange *exchange)
{
    return exchange->peers > 1 && atomic_load_explicit(&exchange->left, memory_order_acquire) + 1 >= exchange->peers;
}

API int nw_receive(struct nw_channel *channel, unsigned *ret_from, const void **ret, uint32_t *ret_length)
{
    struct ring_message message;
    if (library_is_forked())
        return -ECHILD;
    nw_receive_end(channel);
    int error = look_at_inlets(channel, ret_from, &message);
    if (error == -EAGAIN) {
        int saved = errno;
        /* before the last look: what those sent who have left is seen then */
        bool is_last = have_all_left(channel->worker->exchange);
        if (take_arrivals(channel) || is_last)
            error = look_at_inlets(channel, ret_from, &message);
        if (error == -EAGAIN && is_last)
            error = -EPIPE;
        errno = saved;
    }
    if (error)
        return error;
    *ret = message.data;
    *ret_length = message.length;
    wake_count(channel->worker);
    return 0;
}

/* --- waiting --- */

static bool has_message(struct nw_channel *channel)
{
    for (uint32_t i = 0; i < channel->inlet_count; i++) {
        struct inlet *inlet = &channel->inlets[i];
        if (i == channel->open) {
            uint64_t tail = atomic_load_explicit(&inlet->reader.ring->tail, memory_order_acquire);
            if (tail - inlet->reader.taken > inlet->reader.open)
                return true;
        } else if (ring_seen(&inlet->reader)) {
            return true;
        }
    }
    return false;
}

static bool has_room_again(struct nw_channel *channel)
{
    bool any = false;
    for (struct outlet **link = &channel->refused; *link;) {
        struct outlet *outlet = *link;
        struct ring *ring = outlet->writer.ring;
        /* the receiver took it away when it woke this worker, perhaps for too little; before the look, with nw_receive_end() */
        if (!atomic_load_explicit(&ring->refused, memory_order_relaxed)) {
            atomic_store(&ring->refused, 1);
            fence_all();
        }
        if (atomic_load_explicit(&ring->closed, memory_order_relaxed) ||
            ring_has_room(&outlet->writer, outlet->wanted)) {
            any = true;
            outlet->wanted = 0;
            *link = outlet->next_refused;
        } else {
            link = &outlet->next_refused;
        }
    }
    return any;
}

bool channel_tells(struct nw_channel *channel)
{
    int saved = errno;
    take_arrivals(channel);
    errno = saved;
    return has_message(channel) || has_room_again(channel);
}
