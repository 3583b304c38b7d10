#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/shown.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

#define FEW_WORDS    8u
#define REFUSED_MOST 1024u /* that are not told yet */

/* --- the first message to a worker --- */

static int make_ring(const struct nw_channel *channel, struct lane *lane)
{
    struct nw_exchange *exchange = channel->worker->exchange;
    struct peer *receiver = &exchange->all->peer[lane->to];
    if (lane->is_remote)
        return exchange->transport->make_lane(exchange, channel->agreement, lane);
    int error = ring_memory_take(&exchange->own[lane->to].store, &exchange->budget, atomic_load(&receiver->node),
                                 ring_bytes(&channel->agreement->shape), &lane->place);
    lane->ring = lane->place.start;
    return error;
}

static int make_lane(const struct nw_channel *channel, unsigned to, struct lane **ret_lane)
{
    struct nw_exchange *exchange = channel->worker->exchange;
    struct lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        return -ENOMEM;
    lane->from = channel->worker->index;
    lane->to = to;
    lane->is_remote = peer_process(atomic_load(&exchange->all->peer[to].state)) != exchange->process;
    atomic_init(&lane->holders, lane->is_remote ? 1 : 2);
    int error = make_ring(channel, lane);
    if (error)
        free(lane);
    else
        *ret_lane = lane;
    return error;
}

static __attribute__((noinline)) int open_lane(struct nw_channel *channel, unsigned to)
{
    struct arrivals *arrivals = &channel->agreement->arrivals[to];
    struct outlet *outlet = &channel->outlets[to];
    struct nw_exchange *exchange = channel->worker->exchange;
    enum nw_peer state = peer_state(atomic_load(&exchange->all->peer[to].state));
    int saved = errno;
    if (library_is_forked())
        return -ECHILD;
    if (state == NW_PEER_ABSENT)
        return -EAGAIN;
    if (state == NW_PEER_LEFT || atomic_load(&arrivals->closed))
        return -EPIPE;
    int error = make_lane(channel, to, &outlet->lane);
    if (!error) {
        uint32_t size = channel->agreement->message_size;
        outlet->words =
            size % sizeof(uint64_t) == 0 && size <= FEW_WORDS * sizeof(uint64_t) ? size / sizeof(uint64_t) : 0;
        outlet->receiver = &exchange->all->peer[to];
        ring_write_from(&outlet->writer, outlet->lane->ring, &channel->agreement->shape);
        outlet->next_used = channel->used;
        channel->used = outlet;
        if (!outlet->lane->is_remote)
            error = lane_arrive(exchange, arrivals, outlet->lane);
    }
    errno = saved;
    return error;
}

/* --- room --- */

/* Told to nw_wait(), and to the receiver, which wakes this worker when it gives room back. */
static __attribute__((noinline)) int refuse(struct nw_channel *channel, struct outlet *outlet, uint64_t bytes)
{
    struct ring_writer *writer = &outlet->writer;
    if (!outlet->wanted) {
        outlet->next_refused = channel->refused;
        channel->refused = outlet;
    }
    outlet->wanted = bytes;
    if (++channel->worker->refused == REFUSED_MOST)
        shown_look(channel->worker); /* it may try again and again without a sleep */
    atomic_store(&writer->ring->refused, 1);
    /* what was not published holds room that the receiver cannot give back */
    if (ring_unpublished(writer)) {
        ring_publish(writer);
        rouse(channel->worker->exchange, outlet->receiver);
    }
    return -EAGAIN;
}

static bool is_closed(const struct outlet *outlet)
{
    return atomic_load_explicit(&outlet->writer.ring->closed, memory_order_relaxed) || library_is_forked();
}

static int closed_error(void)
{
    return library_is_forked() ? -ECHILD : -EPIPE;
}

/* send_few() counts nothing: what it sent since the last look is counted here. */
static __attribute__((noinline)) bool find_more_room(struct nw_channel *channel, struct outlet *outlet, uint64_t bytes)
{
    uint64_t before = outlet->writer.limit;
    bool has_room = ring_has_room(&outlet->writer, bytes);
    if (outlet->words)
        wake_count(channel->worker, (uint32_t)((outlet->writer.limit - before) / outlet->writer.shape.record));
    return has_room;
}

/* An outlet with room for such a message, and what it takes. */
static inline __attribute__((always_inline)) int find_room(struct nw_channel *channel, unsigned to, uint32_t length,
                                                           struct outlet **ret_outlet, uint64_t *ret_bytes)
{
    if (to >= channel->peers)
        return -EINVAL;
    struct outlet *outlet = &channel->outlets[to];
    if (__builtin_expect(!outlet->writer.ring, 0)) {
        int error = ring_record(&channel->agreement->shape, length) ? open_lane(channel, to) : -EMSGSIZE;
        if (error)
            return error;
    }
    uint64_t bytes = ring_record(&outlet->writer.shape, length);
    if (!bytes)
        return -EMSGSIZE;
    if (is_closed(outlet))
        return closed_error();
    if (!ring_had_room(&outlet->writer, bytes) && !find_more_room(channel, outlet, bytes))
        return refuse(channel, outlet, bytes);
    *ret_outlet = outlet;
    *ret_bytes = bytes;
    return 0;
}

/* --- sending --- */

static inline void publish(const struct nw_channel *channel, struct outlet *outlet)
{
    ring_publish(&outlet->writer);
    rouse(channel->worker->exchange, outlet->receiver);
}

static inline void put(struct nw_channel *channel, struct outlet *outlet, const void *message, uint32_t length,
                       uint64_t bytes)
{
    memcpy(ring_begin(&outlet->writer, length, bytes), message, length);
    ring_end(&outlet->writer);
    publish(channel, outlet);
    wake_count(channel->worker, 1);
}

static __attribute__((noinline)) int send_any(struct nw_channel *channel, unsigned to, const void *message,
                                              uint32_t length)
{
    struct outlet *outlet = NULL;
    uint64_t bytes = 0;
    int error = find_room(channel, to, length, &outlet, &bytes);
    if (error == 0)
        put(channel, outlet, message, length, bytes);
    return error;
}

/* Few words into a ring with room, which is what most calls are: no call is made on the way. */
static inline bool send_few(const struct nw_channel *channel, struct outlet *outlet, const void *message,
                            uint32_t length)
{
    struct ring_writer *writer = &outlet->writer;
    uint32_t words = outlet->words;
    if (length != words * sizeof(uint64_t) || !length || !ring_had_room(writer, length) || is_closed(outlet))
        return false;
    unsigned char *to = ring_place(writer);
    memcpy(to, message, sizeof(uint64_t));
    for (uint32_t i = 1; i < words; i++)
        memcpy(to + i * sizeof(uint64_t), (const char *)message + i * sizeof(uint64_t), sizeof(uint64_t));
    ring_sent(writer, length);
    rouse(channel->worker->exchange, outlet->receiver);
    return true;
}

API int nw_send(struct nw_channel *channel, unsigned to, const void *message, uint32_t length)
{
    if (to < channel->peers && send_few(channel, &channel->outlets[to], message, length))
        return 0;
    return send_any(channel, to, message, length);
}

API int nw_send_begin(struct nw_channel *channel, unsigned to, uint32_t length, void **ret)
{
    struct outlet *outlet = NULL;
    uint64_t bytes = 0;
    int error = find_room(channel, to, length, &outlet, &bytes);
    if (error == 0)
        *ret = ring_begin(&outlet->writer, length, bytes);
    return error;
}

static void note_dirty(struct nw_channel *channel, struct outlet *outlet)
{
    if (outlet->is_dirty)
        return;
    outlet->is_dirty = true;
    outlet->next_dirty = channel->dirty;
    channel->dirty = outlet;
}

API int nw_send_end(struct nw_channel *channel, unsigned to, bool flush)
{
    if (to >= channel->peers || !channel->outlets[to].writer.begun)
        return -EINVAL;
    struct outlet *outlet = &channel->outlets[to];
    struct ring_writer *writer = &outlet->writer;
    if (is_closed(outlet)) {
        writer->begun = 0;
        return closed_error();
    }
    ring_end(writer);
    wake_count(channel->worker, 1);
    if (flush || ring_unpublished(writer) >= writer->shape.size / 2)
        publish(channel, outlet);
    else
        note_dirty(channel, outlet);
    return 0;
}

void channel_publish(struct nw_channel *channel)
{
    while (channel->dirty) {
        struct outlet *outlet = channel->dirty;
        channel->dirty = outlet->next_dirty;
        outlet->is_dirty = false;
        if (ring_unpublished(&outlet->writer))
            publish(channel, outlet);
    }
}

API void nw_flush(struct nw_channel *channel)
{
    channel_publish(channel);
}

/* --- to all --- */

/* Room everywhere, or the first reason that is not that somebody is gone. */
static int find_room_everywhere(struct nw_channel *channel, uint32_t length)
{
    int result = 0;
    for (unsigned to = 0; to < channel->peers; to++) {
        struct outlet *outlet = NULL;
        uint64_t bytes = 0;
        int error = to == channel->worker->index ? 0 : find_room(channel, to, length, &outlet, &bytes);
        if (error && error != -EPIPE && !result)
            result = error;
    }
    return result;
}

API int nw_broadcast(struct nw_channel *channel, const void *message, uint32_t length)
{
    int count = find_room_everywhere(channel, length);
    if (count < 0)
        return count;
    uint64_t bytes = ring_record(&channel->agreement->shape, length);
    for (unsigned to = 0; to < channel->peers; to++) {
        struct outlet *outlet = &channel->outlets[to];
        if (to == channel->worker->index || !outlet->writer.ring || is_closed(outlet))
            continue;
        put(channel, outlet, message, length, bytes);
        count++;
    }
    return count;
}
