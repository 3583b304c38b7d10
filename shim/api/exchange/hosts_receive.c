/* What another process tells. */
#include <errno.h>
#include <stdlib.h>

#include "policy/grow.h"
#include "shim/api/exchange/hosts.h"
#include "shim/api/exchange/wake.h"

/* --- peers --- */

static int take_open(struct hosts *hosts, unsigned rank, const struct host_note *note, const unsigned char *name)
{
    struct member *member = &hosts->members[rank];
    if (note->format != BATCH_FORMAT || note->length != sizeof(hosts->name) || member->has_opened)
        return -EBADMSG;
    member->has_opened = true;
    member->peers = note->peers;
    member->is_other = memcmp(name, hosts->name, sizeof(hosts->name)) != 0;
    return 0;
}

/* Where is what it says of one of its workers told? NULL: that is none of them. */
static struct peer *peer_of(const struct hosts *hosts, unsigned rank, uint32_t index)
{
    bool is_its = index >= hosts_first(hosts, rank) && index < hosts_first(hosts, rank + 1);
    return is_its ? &hosts->exchange->all->peer[index] : NULL;
}

static int take_joined(struct hosts *hosts, unsigned rank, const struct host_note *note)
{
    struct peer *peer = peer_of(hosts, rank, note->from);
    if (!peer || atomic_load(&peer->state) != NW_PEER_ABSENT)
        return -EBADMSG;
    atomic_store(&peer->state, state_of(rank, NW_PEER_JOINED));
    peers_tell_own(hosts->exchange);
    return 0;
}

/* What is sent to it from now on is refused, whether or not its process has said so of the lane. */
static int take_left(struct hosts *hosts, unsigned rank, const struct host_note *note)
{
    struct nw_exchange *exchange = hosts->exchange;
    struct member *member = &hosts->members[rank];
    struct peer *peer = peer_of(hosts, rank, note->from);
    if (!peer)
        return -EBADMSG;
    if (atomic_load(&peer->state) == NW_PEER_ABSENT) /* it left before it was told of */
        atomic_store(&peer->state, state_of(rank, NW_PEER_JOINED));
    for (uint32_t i = 0; i < member->out_count; i++)
        if (member->out[i].lane && member->out[i].lane->to == note->from)
            atomic_store(&member->out[i].lane->ring->closed, 1);
    peers_end(exchange, note->from, rank);
    peers_tell_own(exchange);
    return 0;
}

/* The worker that a note is for. NULL: it is none of this process. */
static struct peer *own_peer_of(const struct hosts *hosts, uint32_t index)
{
    const struct nw_exchange *exchange = hosts->exchange;
    return index - exchange->first_own < exchange->own_count ? &exchange->all->peer[index] : NULL;
}

static int take_wake(struct hosts *hosts, const struct host_note *note)
{
    struct peer *peer = own_peer_of(hosts, note->to);
    if (!peer)
        return -EBADMSG;
    atomic_store(&peer->woken, 1);
    rouse(hosts->exchange, peer);
    return 0;
}

/* --- lanes from it --- */

static int make_room(struct member *member)
{
    struct inbound *in = grow(member->in, &member->in_room, member->in_count, sizeof(*in));
    if (!in)
        return -ENOMEM;
    member->in = in;
    return 0;
}

static int make_lane(struct nw_exchange *exchange, const struct agreement *agreement, const struct host_note *note,
                     struct lane **ret_lane)
{
    struct lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        return -ENOMEM;
    lane->from = note->from;
    lane->to = note->to;
    lane->is_remote = true;
    atomic_init(&lane->holders, 2); /* the receiver, and the communication thread */
    int error =
        ring_memory_take(&exchange->own[lane->to].store, &exchange->budget,
                         atomic_load(&exchange->all->peer[lane->to].node), ring_bytes(&agreement->shape), &lane->place);
    lane->ring = lane->place.start;
    if (error)
        free(lane);
    else
        *ret_lane = lane;
    return error;
}

static int bring_lane(struct nw_exchange *exchange, const struct host_note *note, struct inbound *in)
{
    struct agreement *agreement;
    struct lane *lane;
    pthread_mutex_lock(&exchange->lock);
    int error = agreement_find(exchange, note->id, note->message_size, note->room, &agreement);
    pthread_mutex_unlock(&exchange->lock);
    if (!error)
        error = make_lane(exchange, agreement, note, &lane);
    if (error)
        return error;
    in->lane = lane;
    ring_write_from(&in->writer, lane->ring, &agreement->shape);
    lane_bring(exchange, &agreement->arrivals[lane->to], lane);
    return 0;
}

static int take_lane(struct hosts *hosts, unsigned rank, const struct host_note *note)
{
    struct member *member = &hosts->members[rank];
    if (!peer_of(hosts, rank, note->from) || !own_peer_of(hosts, note->to))
        return -EBADMSG;
    int error = make_room(member);
    if (error)
        return error;
    struct inbound *in = &member->in[member->in_count++];
    *in = (struct inbound){0};
    in->is_refused = bring_lane(hosts->exchange, note, in) != 0;
    return 0;
}

/* Nothing beyond the ring is written, and no more is published than there was room for. */
static bool is_possible(const struct ring_writer *writer, const struct host_note *note)
{
    uint64_t bytes = ring_bytes(&writer->shape) - sizeof(struct ring);
    uint64_t head = atomic_load_explicit(&writer->ring->head, memory_order_acquire);
    return note->at % RING_ALIGN == 0 && note->at <= bytes && note->length <= bytes - note->at &&
           note->published % RING_ALIGN == 0 && note->published <= writer->shape.size &&
           ring_written(writer) + note->published - head <= writer->shape.size;
}

static int take_data(struct hosts *hosts, struct inbound *in, const struct host_note *note, const unsigned char *data)
{
    if (!in->lane)
        return 0;
    struct ring_writer *writer = &in->writer;
    if (!is_possible(writer, note))
        return -EBADMSG;
    memcpy(writer->ring->data + note->at, data, note->length);
    if (!note->published)
        return 0;
    writer->lap += note->published; /* where it lies is the sender's to say */
    writer->messages = note->messages;
    ring_publish(writer);
    rouse(hosts->exchange, &hosts->exchange->all->peer[in->lane->to]);
    return 0;
}

static int take_ended(struct hosts *hosts, struct inbound *in)
{
    if (!in->lane)
        return 0;
    /* release: all that was published is seen by who sees this */
    atomic_store_explicit(&in->lane->ring->ended, 1, memory_order_release);
    rouse(hosts->exchange, &hosts->exchange->all->peer[in->lane->to]);
    inbound_end(hosts, in);
    return 0;
}

/* --- lanes to it --- */

static int take_credit(struct hosts *hosts, const struct outbound *out, const struct host_note *note)
{
    if (!out->lane)
        return 0;
    struct ring *ring = out->lane->ring;
    if (note->at > out->reader.taken || note->at < atomic_load_explicit(&ring->head, memory_order_relaxed))
        return -EBADMSG;
    atomic_store_explicit(&ring->head, note->at, memory_order_release);
    wake_refused(hosts->exchange, &hosts->exchange->all->peer[out->lane->from], ring);
    return 0;
}

static int take_closed(struct hosts *hosts, const struct outbound *out)
{
    if (!out->lane)
        return 0;
    atomic_store(&out->lane->ring->closed, 1);
    rouse(hosts->exchange, &hosts->exchange->all->peer[out->lane->from]);
    return 0;
}

static int take_close(struct member *member)
{
    member->has_closed = true;
    return 0;
}

/* --- all of it --- */

static int take_of_inbound(struct hosts *hosts, unsigned rank, const struct host_note *note, const unsigned char *data)
{
    const struct member *member = &hosts->members[rank];
    if (note->lane >= member->in_count)
        return -EBADMSG;
    struct inbound *in = &member->in[note->lane];
    return note->kind == HOST_DATA ? take_data(hosts, in, note, data) : take_ended(hosts, in);
}

static int take_of_outbound(struct hosts *hosts, unsigned rank, const struct host_note *note)
{
    const struct member *member = &hosts->members[rank];
    if (note->lane >= member->out_count)
        return -EBADMSG;
    const struct outbound *out = &member->out[note->lane];
    return note->kind == HOST_CREDIT ? take_credit(hosts, out, note) : take_closed(hosts, out);
}

int hosts_take(struct hosts *hosts, unsigned rank, const struct host_note *note, const unsigned char *data)
{
    struct member *member = &hosts->members[rank];
    if (note->kind == HOST_OPEN)
        return take_open(hosts, rank, note, data);
    if (!member->has_opened || member->has_closed)
        return -EBADMSG;
    switch ((enum host_note_kind)note->kind) {
    case HOST_JOINED:
        return take_joined(hosts, rank, note);
    case HOST_LEFT:
        return take_left(hosts, rank, note);
    case HOST_WAKE:
        return take_wake(hosts, note);
    case HOST_LANE:
        return take_lane(hosts, rank, note);
    case HOST_DATA:
    case HOST_ENDED:
        return take_of_inbound(hosts, rank, note, data);
    case HOST_CREDIT:
    case HOST_CLOSED:
        return take_of_outbound(hosts, rank, note);
    case HOST_CLOSE:
        return take_close(member);
    default:
        return -EBADMSG;
    }
}
