#include "shim/telemetry/exchanges.h"

#include <errno.h>

#include "shim/telemetry/named.h"

/* As the segment has them. */
static struct segment_named own_exchanges[SEGMENT_EXCHANGES];
static struct segment_peer peers[SEGMENT_PEERS];
static struct segment_flow flows[SEGMENT_FLOWS];
static const struct named_list exchanges = {own_exchanges, SEGMENT_EXCHANGES, SEGMENT_EXCHANGE_TABLE};

/* --- the segment --- */

static void write_peer(uint32_t index)
{
    const struct segment_peer *own = &peers[index];
    struct segment_peer *record = named_record(SEGMENT_PEER_TABLE, index, sizeof(*record));
    if (!record)
        return;
    __atomic_store_n(&record->state, own->state, __ATOMIC_RELAXED);
    __atomic_store_n(&record->node, own->node, __ATOMIC_RELAXED);
    __atomic_store_n(&record->channels, own->channels, __ATOMIC_RELAXED);
    __atomic_store_n(&record->slept, own->slept, __ATOMIC_RELAXED);
    __atomic_store_n(&record->refused, own->refused, __ATOMIC_RELAXED);
    /* last: the record counts from then on */
    __atomic_store_n(&record->exchange, own->exchange, __ATOMIC_RELEASE);
}

static void write_flow(uint32_t index)
{
    const struct segment_flow *own = &flows[index];
    struct segment_flow *record = named_record(SEGMENT_FLOW_TABLE, index, sizeof(*record));
    if (!record)
        return;
    __atomic_store_n(&record->from, own->from, __ATOMIC_RELAXED);
    __atomic_store_n(&record->to, own->to, __ATOMIC_RELAXED);
    __atomic_store_n(&record->messages, own->messages, __ATOMIC_RELAXED);
    __atomic_store_n(&record->bytes, own->bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&record->queued, own->queued, __ATOMIC_RELAXED);
    /* as above */
    __atomic_store_n(&record->exchange, own->exchange, __ATOMIC_RELEASE);
}

/* After a reload the segment may be another one, which knows nothing yet. */
static void look_for_another_segment(void)
{
    const struct segment_named *first = named_record(SEGMENT_EXCHANGE_TABLE, 0, sizeof(*first));
    if (!first || __atomic_load_n(&first->name[0], __ATOMIC_RELAXED) || !own_exchanges[0].name[0])
        return;
    for (uint32_t i = 0; i < SEGMENT_EXCHANGES && own_exchanges[i].name[0]; i++)
        named_write(&exchanges, i + 1);
    for (uint32_t i = 0; i < SEGMENT_PEERS && peers[i].exchange; i++)
        write_peer(i);
    for (uint32_t i = 0; i < SEGMENT_FLOWS && flows[i].exchange; i++)
        write_flow(i);
}

/* --- exchanges --- */

uint32_t exchanges_open(const char *name)
{
    int saved = errno;
    look_for_another_segment();
    uint32_t number = named_open(&exchanges, name);
    errno = saved;
    return number;
}

void exchanges_close(uint32_t exchange)
{
    int saved = errno;
    look_for_another_segment();
    named_close(&exchanges, exchange);
    errno = saved;
}

/* --- workers --- */

static bool is_free(const struct segment_peer *peer, uint32_t exchange, uint32_t node)
{
    return !peer->exchange || (peer->exchange == exchange && peer->node == node && peer->state == WORKER_GONE);
}

uint32_t exchanges_enter(uint32_t exchange, uint32_t node)
{
    int saved = errno;
    uint32_t index = 0;
    if (!named_is(&exchanges, exchange))
        return 0;
    look_for_another_segment();
    while (index < SEGMENT_PEERS && !is_free(&peers[index], exchange, node))
        index++;
    if (index == SEGMENT_PEERS) {
        named_unlisted(&exchanges, exchange);
    } else {
        peers[index].exchange = (uint16_t)exchange;
        peers[index].node = node;
        peers[index].state = WORKER_LIVES;
        write_peer(index);
    }
    errno = saved;
    return index == SEGMENT_PEERS ? 0 : index + 1;
}

void exchanges_leave(uint32_t peer)
{
    int saved = errno;
    if (!peer || peer > SEGMENT_PEERS)
        return;
    peers[peer - 1].state = WORKER_GONE;
    peers[peer - 1].channels = 0;
    write_peer(peer - 1);
    errno = saved;
}

void exchanges_tell_peer(uint32_t peer, const struct door_peer *told)
{
    int saved = errno;
    if (!peer || peer > SEGMENT_PEERS)
        return;
    look_for_another_segment();
    struct segment_peer *own = &peers[peer - 1];
    own->slept += told->slept;
    own->refused += told->refused;
    own->channels = told->channels;
    write_peer(peer - 1);
    errno = saved;
}

/* --- between nodes --- */

static bool is_flow(const struct segment_flow *flow, uint32_t exchange, const struct door_flow *told)
{
    return !flow->exchange || (flow->exchange == exchange && flow->from == told->from && flow->to == told->to);
}

void exchanges_tell_flow(uint32_t exchange, const struct door_flow *told)
{
    int saved = errno;
    uint32_t index = 0;
    if (!named_is(&exchanges, exchange))
        return;
    look_for_another_segment();
    while (index < SEGMENT_FLOWS && !is_flow(&flows[index], exchange, told))
        index++;
    if (index == SEGMENT_FLOWS) {
        named_unlisted(&exchanges, exchange);
    } else {
        struct segment_flow *own = &flows[index];
        own->exchange = (uint16_t)exchange;
        own->from = told->from;
        own->to = told->to;
        own->messages += told->messages;
        own->bytes += told->bytes;
        own->queued += (uint64_t)told->queued;
        write_flow(index);
    }
    errno = saved;
}
