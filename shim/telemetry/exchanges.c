#include "shim/telemetry/exchanges.h"

#include <errno.h>
#include <string.h>

#include "shim/telemetry/room.h"
#include "shim/telemetry/segment.h"

/* As the segment has them. */
static struct segment_exchange exchanges[SEGMENT_EXCHANGES];
static struct segment_peer peers[SEGMENT_PEERS];
static struct segment_flow flows[SEGMENT_FLOWS];

/* --- the segment --- */

/* NULL: there is no segment, or no room for it. */
static void *record_at(enum segment_section_id table, uint32_t index, size_t size)
{
    struct segment_header *header = segment_mapped();
    char *record = header ? (char *)segment_table(header, table) + index * size : NULL;
    return record && room_has(record, size) ? record : NULL;
}

static void write_exchange(uint32_t index)
{
    const struct segment_exchange *own = &exchanges[index];
    struct segment_exchange *record = record_at(SEGMENT_EXCHANGE_TABLE, index, sizeof(*record));
    if (!record)
        return;
    for (uint32_t i = 0; i < sizeof(record->name); i++)
        __atomic_store_n(&record->name[i], own->name[i], __ATOMIC_RELAXED);
    __atomic_store_n(&record->open, own->open, __ATOMIC_RELAXED);
    __atomic_store_n(&record->unlisted, own->unlisted, __ATOMIC_RELAXED);
}

static void write_peer(uint32_t index)
{
    const struct segment_peer *own = &peers[index];
    struct segment_peer *record = record_at(SEGMENT_PEER_TABLE, index, sizeof(*record));
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
    struct segment_flow *record = record_at(SEGMENT_FLOW_TABLE, index, sizeof(*record));
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
    const struct segment_exchange *first = record_at(SEGMENT_EXCHANGE_TABLE, 0, sizeof(*first));
    if (!first || __atomic_load_n(&first->name[0], __ATOMIC_RELAXED) || !exchanges[0].name[0])
        return;
    for (uint32_t i = 0; i < SEGMENT_EXCHANGES && exchanges[i].name[0]; i++)
        write_exchange(i);
    for (uint32_t i = 0; i < SEGMENT_PEERS && peers[i].exchange; i++)
        write_peer(i);
    for (uint32_t i = 0; i < SEGMENT_FLOWS && flows[i].exchange; i++)
        write_flow(i);
}

/* --- exchanges --- */

static bool is_listed(uint32_t exchange)
{
    return exchange && exchange <= SEGMENT_EXCHANGES;
}

static uint32_t find(const char *name)
{
    const size_t most = sizeof(exchanges[0].name) - 1;
    uint32_t i = 0;
    while (i < SEGMENT_EXCHANGES && *exchanges[i].name && strncmp(exchanges[i].name, name, most) != 0)
        i++;
    return i;
}

uint32_t exchanges_open(const char *name)
{
    int saved = errno;
    uint32_t index = find(name);
    if (index == SEGMENT_EXCHANGES || !*name)
        return 0;
    look_for_another_segment();
    strncpy(exchanges[index].name, name, sizeof(exchanges[index].name) - 1);
    exchanges[index].open++;
    write_exchange(index);
    errno = saved;
    return index + 1;
}

void exchanges_close(uint32_t exchange)
{
    int saved = errno;
    if (!is_listed(exchange))
        return;
    look_for_another_segment();
    exchanges[exchange - 1].open--;
    write_exchange(exchange - 1);
    errno = saved;
}

static void count_unlisted(uint32_t exchange)
{
    exchanges[exchange - 1].unlisted++;
    write_exchange(exchange - 1);
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
    if (!is_listed(exchange))
        return 0;
    look_for_another_segment();
    while (index < SEGMENT_PEERS && !is_free(&peers[index], exchange, node))
        index++;
    if (index == SEGMENT_PEERS) {
        count_unlisted(exchange);
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
    if (!is_listed(exchange))
        return;
    look_for_another_segment();
    while (index < SEGMENT_FLOWS && !is_flow(&flows[index], exchange, told))
        index++;
    if (index == SEGMENT_FLOWS) {
        count_unlisted(exchange);
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
