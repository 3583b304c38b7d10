/* Opening and closing channels, and the lanes between their workers. */
#include <errno.h>
#include <stdlib.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/of_policy.h"
#include "shim/api/exchange/shown.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

/* --- lanes --- */

void lane_let_go(struct nw_exchange *exchange, struct lane *lane)
{
    if (atomic_fetch_sub(&lane->holders, 1) > 1)
        return;
    if (lane->is_remote)
        exchange->transport->free_lane(exchange, lane);
    else
        ring_memory_give(&exchange->own[lane->to].store, &exchange->budget, &lane->place);
    free(lane);
}

void lane_close(struct nw_exchange *exchange, struct lane *lane)
{
    struct peer *sender = &exchange->all->peer[lane->from];
    atomic_store(&lane->ring->closed, 1);
    rouse(exchange, sender);
    shown_end(exchange, lane);
    lane_let_go(exchange, lane);
}

int lane_arrive(struct nw_exchange *exchange, struct arrivals *arrivals, struct lane *lane)
{
    lane->next = atomic_load_explicit(&arrivals->first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&arrivals->first, &lane->next, lane))
        ;
    if (!atomic_load(&arrivals->closed))
        return 0;
    /* its receiver may have looked before, and nobody looks again but who closes the exchange */
    atomic_store(&lane->ring->closed, 1);
    rouse(exchange, &exchange->all->peer[lane->from]);
    return -EPIPE;
}

/* Where its receiver takes nothing any more, it is not kept until the exchange is closed: others could fill the memory. */
void lane_bring(struct nw_exchange *exchange, struct arrivals *arrivals, struct lane *lane)
{
    if (atomic_load(&arrivals->closed))
        lane_close(exchange, lane);
    else
        lane_arrive(exchange, arrivals, lane);
}

static void close_arrived(struct nw_exchange *exchange, struct arrivals *arrivals)
{
    struct lane *lane = atomic_exchange(&arrivals->first, NULL);
    while (lane) {
        struct lane *next = lane->next;
        lane_close(exchange, lane);
        lane = next;
    }
}

void arrivals_close(struct nw_exchange *exchange, struct agreement *agreement, unsigned receiver)
{
    struct arrivals *arrivals = &agreement->arrivals[receiver];
    /* with lane_arrive(): either the lane is seen here, or its sender sees that nobody takes it */
    atomic_store(&arrivals->closed, true);
    close_arrived(exchange, arrivals);
}

void agreement_free(struct nw_exchange *exchange, struct agreement *agreement)
{
    for (unsigned i = 0; i < exchange->peers; i++)
        close_arrived(exchange, &agreement->arrivals[i]);
    free(agreement);
}

/* --- opening --- */

int agreement_find(struct nw_exchange *exchange, uint32_t id, uint32_t message_size, uint32_t room,
                   struct agreement **ret_agreement)
{
    struct ring_shape shape;
    struct agreement *each = exchange->agreements;
    uint32_t given = exchange->ring ? exchange_room_of_policy(exchange->ring, message_size, room) : room;
    int error = ring_shape_of(message_size, given, &shape);
    if (error)
        return error;
    while (each && each->id != id)
        each = each->next;
    if (!each) {
        each = calloc(1, sizeof(*each) + exchange->peers * sizeof(each->arrivals[0]));
        if (!each)
            return -ENOMEM;
        each->id = id;
        each->message_size = message_size;
        each->room = room;
        each->shape = shape;
        for (unsigned i = 0; i < exchange->peers; i++)
            atomic_init(&each->arrivals[i].closed,
                        peer_state(atomic_load(&exchange->all->peer[i].state)) == NW_PEER_LEFT);
        each->next = exchange->agreements;
        exchange->agreements = each;
    }
    *ret_agreement = each;
    return each->message_size == message_size && each->room == room ? 0 : -EEXIST;
}

static int open_channel(struct nw_worker *worker, struct nw_channel *channel, uint32_t id, uint32_t message_size,
                        uint32_t room)
{
    struct nw_exchange *exchange = worker->exchange;
    pthread_mutex_lock(&exchange->lock);
    int error = agreement_find(exchange, id, message_size, room, &channel->agreement);
    pthread_mutex_unlock(&exchange->lock);
    if (error)
        return error;
    /* open, or closed before: what others sent then is gone, and their lanes are */
    for (const struct nw_channel *each = worker->channels; each; each = each->next)
        if (each->agreement == channel->agreement)
            return -EBUSY;
    if (atomic_load(&channel->agreement->arrivals[worker->index].closed))
        return -EBUSY;
    channel->outlets = calloc(exchange->peers, sizeof(*channel->outlets));
    if (!channel->outlets)
        return -ENOMEM;
    channel->worker = worker;
    channel->peers = exchange->peers;
    channel->open = NO_INLET;
    channel->next = worker->channels;
    worker->channels = channel;
    return 0;
}

API int nw_channel_open(struct nw_worker *worker, uint32_t id, uint32_t message_size, uint32_t room,
                        struct nw_channel **ret)
{
    int saved = errno;
    int error = library_begin();
    struct nw_channel *channel = error ? NULL : calloc(1, sizeof(*channel));
    if (!error)
        error = channel ? open_channel(worker, channel, id, message_size, room) : -ENOMEM;
    if (error)
        free(channel);
    else
        *ret = channel;
    errno = saved;
    return error;
}

/* --- closing --- */

static void end_outlet(struct nw_exchange *exchange, struct outlet *outlet)
{
    struct ring_writer *writer = &outlet->writer;
    if (!outlet->lane)
        return;
    ring_publish(writer);
    /* release: all that was published is seen by who sees this */
    atomic_store_explicit(&writer->ring->ended, 1, memory_order_release);
    rouse(exchange, &exchange->all->peer[outlet->lane->to]);
    lane_let_go(exchange, outlet->lane);
}

void channel_end(struct nw_channel *channel)
{
    struct nw_worker *worker = channel->worker;
    struct nw_exchange *exchange = worker->exchange;
    struct nw_channel **link = &worker->channels;
    while (*link != channel)
        link = &(*link)->next;
    *link = channel->next;
    channel_take_arrivals(channel);
    shown_end_channel(channel);
    for (unsigned i = 0; i < exchange->peers; i++)
        end_outlet(exchange, &channel->outlets[i]);
    for (uint32_t i = 0; i < channel->inlet_count; i++)
        lane_close(exchange, channel->inlets[i].lane);
    arrivals_close(exchange, channel->agreement, worker->index);
    free(channel->outlets);
    free(channel->inlets);
    free(channel);
}

API void nw_channel_close(struct nw_channel *channel)
{
    int saved = errno;
    if (channel && !library_is_forked())
        channel_end(channel);
    errno = saved;
}
