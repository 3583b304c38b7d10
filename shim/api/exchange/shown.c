#include "shim/api/exchange/shown.h"

#include <pthread.h>

#include "shim/api/library.h"

/* The shim expects one thread at a time, and a lane's two ends count in it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* NULL: the exchange is not shown. */
static const struct nodewise_door *door_of(const struct nw_exchange *exchange)
{
    return exchange->listed ? library_door() : NULL;
}

static uint32_t node_of(const struct nw_exchange *exchange, unsigned peer)
{
    int32_t node = atomic_load_explicit(&exchange->all->peer[peer].node, memory_order_relaxed);
    return node < 0 ? UINT32_MAX : (uint32_t)node;
}

void shown_open(struct nw_exchange *exchange, const char *name)
{
    const struct nodewise_door *door = library_door();
    if (!door || !DOOR_HAS(door, tell_flow))
        return;
    pthread_mutex_lock(&lock);
    exchange->listed = door->open_exchange(name);
    pthread_mutex_unlock(&lock);
}

void shown_close(struct nw_exchange *exchange)
{
    const struct nodewise_door *door = door_of(exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    door->close_exchange(exchange->listed);
    pthread_mutex_unlock(&lock);
}

/* --- lanes --- */

static void tell_lane(const struct nodewise_door *door, const struct nw_exchange *exchange, struct lane *lane,
                      uint64_t messages, uint64_t bytes, uint64_t queued)
{
    const struct door_flow flow = {.from = node_of(exchange, lane->from),
                                   .to = node_of(exchange, lane->to),
                                   .messages = messages - lane->told_messages,
                                   .bytes = bytes - lane->told_bytes,
                                   .queued = (int64_t)(queued - lane->told_queued)};
    lane->told_messages = messages;
    lane->told_bytes = bytes;
    lane->told_queued = queued;
    if (flow.messages || flow.bytes || flow.queued)
        door->tell_flow(exchange->listed, &flow);
    uint32_t from = atomic_load(&exchange->own[lane->from].tid), to = atomic_load(&exchange->own[lane->to].tid);
    if (flow.messages && from && to && from != to && DOOR_HAS(door, tell_hands))
        door->tell_hands(from, to, flow.messages);
}

/* What a process has written that is not to be believed is not counted, either. */
static void look_at_inlet(const struct nodewise_door *door, const struct nw_exchange *exchange,
                          const struct inlet *inlet)
{
    const struct ring_reader *reader = &inlet->reader;
    uint64_t bytes = atomic_load_explicit(&reader->ring->tail, memory_order_acquire);
    uint64_t messages = reader->shape.record ? bytes / reader->shape.record
                                             : atomic_load_explicit(&reader->ring->messages, memory_order_relaxed);
    if (bytes - reader->taken <= reader->shape.size)
        tell_lane(door, exchange, inlet->lane, messages, bytes, bytes - reader->taken);
}

/* Of a ring in another process the receiver there tells. */
static void look_at_outlet(const struct nodewise_door *door, const struct nw_exchange *exchange,
                           const struct outlet *outlet)
{
    struct lane *lane = outlet->lane;
    const struct ring_writer *writer = &outlet->writer;
    if (lane->is_remote || lane->is_over)
        return;
    uint64_t queued = ring_written(writer) - atomic_load_explicit(&writer->ring->head, memory_order_relaxed);
    tell_lane(door, exchange, lane, lane->told_messages, lane->told_bytes, queued);
}

static void look_at_channel(const struct nodewise_door *door, const struct nw_channel *channel)
{
    const struct nw_exchange *exchange = channel->worker->exchange;
    for (uint32_t i = 0; i < channel->inlet_count; i++)
        look_at_inlet(door, exchange, &channel->inlets[i]);
    for (const struct outlet *outlet = channel->used; outlet; outlet = outlet->next_used)
        look_at_outlet(door, exchange, outlet);
}

void shown_end(struct nw_exchange *exchange, struct lane *lane)
{
    const struct nodewise_door *door = door_of(exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    tell_lane(door, exchange, lane, lane->told_messages, lane->told_bytes, 0);
    lane->is_over = true;
    pthread_mutex_unlock(&lock);
}

/* --- workers --- */

static void tell_worker(const struct nodewise_door *door, struct nw_worker *worker)
{
    struct door_peer told = {.slept = worker->slept, .refused = worker->refused};
    for (const struct nw_channel *channel = worker->channels; channel; channel = channel->next)
        told.channels++;
    worker->slept = worker->refused = 0;
    door->tell_peer(worker->listed, &told);
}

void shown_enter(struct nw_worker *worker)
{
    const struct nodewise_door *door = door_of(worker->exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    worker->listed = door->enter_exchange(worker->exchange->listed, node_of(worker->exchange, worker->index));
    pthread_mutex_unlock(&lock);
}

void shown_leave(struct nw_worker *worker)
{
    const struct nodewise_door *door = door_of(worker->exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    tell_worker(door, worker);
    door->leave_exchange(worker->listed);
    pthread_mutex_unlock(&lock);
}

static void look_at_worker(const struct nodewise_door *door, struct nw_worker *worker)
{
    tell_worker(door, worker);
    for (const struct nw_channel *channel = worker->channels; channel; channel = channel->next)
        look_at_channel(door, channel);
}

void shown_look(struct nw_worker *worker)
{
    const struct nodewise_door *door = door_of(worker->exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    look_at_worker(door, worker);
    pthread_mutex_unlock(&lock);
}

void shown_end_channel(const struct nw_channel *channel)
{
    const struct nodewise_door *door = door_of(channel->worker->exchange);
    if (!door)
        return;
    pthread_mutex_lock(&lock);
    look_at_channel(door, channel);
    look_at_worker(door, channel->worker);
    pthread_mutex_unlock(&lock);
}
