#include <errno.h>
#include <stdlib.h>

#include "policy/grow.h"
#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/shown.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

/* --- inlets --- */

static int make_room(struct nw_channel *channel)
{
    struct inlet *inlets = grow(channel->inlets, &channel->inlet_room, channel->inlet_count, sizeof(*inlets));
    if (!inlets)
        return -ENOMEM;
    channel->inlets = inlets;
    return 0;
}

/* The lanes come last first: those that find no room go back. Returns whether there are new ones. */
bool channel_take_arrivals(struct nw_channel *channel)
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
            inlet->sender = &channel->worker->exchange->all->peer[lane->from];
            inlet->from = lane->from;
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
    shown_look(channel->worker);
    shown_end(channel->worker->exchange, inlet->lane);
    lane_let_go(channel->worker->exchange, inlet->lane);
    *inlet = channel->inlets[--channel->inlet_count];
}

/* --- receiving --- */

static inline void give_back(const struct nw_channel *channel, struct inlet *inlet)
{
    ring_give_back(&inlet->reader);
    /* as rouse() */
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&inlet->sender->sleep, memory_order_relaxed) != PEER_AWAKE, 0))
        wake_refused(channel->worker->exchange, inlet->sender, inlet->reader.ring);
}

/*
 * The message that is being read is done with. What was seen at once is received at once, so that a worker that sends on
 * and on does not hold the others up: the turn is the next one's when nothing is left of it.
 */
static void end_message(struct nw_channel *channel)
{
    if (channel->open == NO_INLET)
        return;
    struct inlet *inlet = &channel->inlets[channel->open];
    channel->open = NO_INLET;
    give_back(channel, inlet);
    if (inlet->reader.taken == inlet->reader.tail && ++channel->turn >= channel->inlet_count)
        channel->turn = 0;
}

API void nw_receive_end(struct nw_channel *channel)
{
    end_message(channel);
}

/* Nothing is left, and nothing will come. */
static bool is_over(struct inlet *inlet)
{
    /* acquire: who sees the end sees all that was published before */
    return atomic_load_explicit(&inlet->reader.ring->ended, memory_order_acquire) &&
           ring_look(&inlet->reader) == -EAGAIN;
}

static inline int read_inlet(struct nw_channel *channel, uint32_t number, struct ring_message *ret_message)
{
    int error = ring_read(&channel->inlets[number].reader, ret_message);
    if (error == 0)
        channel->open = channel->turn = number;
    return error;
}

/* -EAGAIN: none of the inlets has anything. */
static int read_any(struct nw_channel *channel, struct ring_message *ret_message)
{
    for (uint32_t left = channel->inlet_count; left; left--) {
        uint32_t number = channel->turn < channel->inlet_count ? channel->turn : 0;
        int error = read_inlet(channel, number, ret_message);
        if (error == 0)
            return 0;
        channel->turn = number + 1;
        if (error == -EAGAIN && is_over(&channel->inlets[number])) {
            drop(channel, number);
            channel->turn = number;
            /* the last inlet has its place now: which ones were looked at is not known any more */
            left = channel->inlet_count + 1;
        }
    }
    return -EAGAIN;
}

/* And have the rings come that those of other processes have made. */
static bool have_all_left(const struct nw_worker *worker)
{
    const struct nw_exchange *exchange = worker->exchange;
    if (exchange->peers < 2 || atomic_load_explicit(&exchange->all->left, memory_order_acquire) + 1 < exchange->peers)
        return false;
    unsigned made = atomic_load(&worker->peer->lanes), have_come = atomic_load(&exchange->own[worker->index].lanes);
    return (int)(made - have_come) <= 0;
}

static __attribute__((noinline)) int read_after_all(struct nw_channel *channel, struct ring_message *ret_message)
{
    int error = read_any(channel, ret_message), saved = errno;
    if (error != -EAGAIN)
        return error;
    /* before the last look: what those sent who have left is seen then */
    bool is_last = have_all_left(channel->worker);
    if (channel_take_arrivals(channel) || is_last)
        error = read_any(channel, ret_message);
    errno = saved;
    return error == -EAGAIN && is_last ? -EPIPE : error;
}

static __attribute__((noinline)) int receive_any(struct nw_channel *channel, unsigned *ret_from, const void **ret,
                                                 uint32_t *ret_length)
{
    struct ring_message message;
    end_message(channel);
    int error = channel->turn < channel->inlet_count ? read_inlet(channel, channel->turn, &message) : -EAGAIN;
    if (error)
        error = read_after_all(channel, &message);
    if (error)
        return error;
    *ret_from = channel->inlets[channel->open].from;
    *ret = message.data;
    *ret_length = message.length;
    wake_count(channel->worker, 1);
    return 0;
}

/* Behind a message of the ring's one size another that was seen with it, which is what most calls find. */
static inline bool receive_next(struct nw_channel *channel, unsigned *ret_from, const void **ret, uint32_t *ret_length)
{
    if (channel->open == NO_INLET)
        return false;
    struct inlet *inlet = &channel->inlets[channel->open];
    struct ring_reader *reader = &inlet->reader;
    if (reader->taken + reader->open == reader->tail || !reader->shape.message_size)
        return false;
    give_back(channel, inlet);
    *ret = ring_open_next(reader);
    *ret_length = reader->shape.message_size;
    *ret_from = inlet->from;
    channel->worker->passed++;
    return true;
}

API int nw_receive(struct nw_channel *channel, unsigned *ret_from, const void **ret, uint32_t *ret_length)
{
    if (library_is_forked())
        return -ECHILD;
    if (receive_next(channel, ret_from, ret, ret_length))
        return 0;
    return receive_any(channel, ret_from, ret, ret_length);
}

/* --- waiting --- */

static bool has_message(struct nw_channel *channel)
{
    for (uint32_t i = 0; i < channel->inlet_count; i++) {
        const struct ring_reader *reader = &channel->inlets[i].reader;
        uint64_t tail = atomic_load_explicit(&reader->ring->tail, memory_order_acquire);
        if (tail - reader->taken > (i == channel->open ? reader->open : 0))
            return true;
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
    channel_take_arrivals(channel);
    errno = saved;
    return has_message(channel) || has_room_again(channel);
}
