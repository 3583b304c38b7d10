/* What another process does not know yet. */
#include <errno.h>

#include "shim/api/exchange/hosts.h"
#include "shim/api/exchange/wake.h"

/* Bytes that are taken from a ring at once, where its messages are shorter. Other lanes come in between. */
#define RUN 16384u

static struct host_note begin_note(const struct hosts *hosts, enum host_note_kind kind)
{
    return (struct host_note){.kind = kind, .exchange = hosts->number};
}

/* --- peers --- */

static bool tell_open(const struct hosts *hosts, struct member *member, struct batch *batch)
{
    struct host_note note = begin_note(hosts, HOST_OPEN);
    note.format = BATCH_FORMAT;
    note.peers = hosts->exchange->peers;
    note.length = sizeof(hosts->name);
    if (!member->told_open)
        member->told_open = batch_put_with(batch, &note, hosts->name);
    return member->told_open;
}

/* A worker has left once its lanes have ended. None joins any more where the exchange is being closed. */
static enum nw_peer to_tell(const struct hosts *hosts, const struct member *member, unsigned own)
{
    const struct nw_exchange *exchange = hosts->exchange;
    enum nw_peer state = peer_state(atomic_load(&exchange->all->peer[exchange->first_own + own].state));
    if (hosts->is_closing)
        state = NW_PEER_LEFT;
    if (state == NW_PEER_LEFT && member->lanes_of[own])
        return (enum nw_peer)member->told_of[own];
    return state;
}

/* Have all left, and been told of? */
static bool tell_peers(const struct hosts *hosts, struct member *member, struct batch *batch)
{
    const struct nw_exchange *exchange = hosts->exchange;
    bool all = true;
    for (unsigned i = 0; i < exchange->own_count; i++) {
        enum nw_peer state = to_tell(hosts, member, i);
        if (state != (enum nw_peer)member->told_of[i]) {
            struct host_note note = begin_note(hosts, state == NW_PEER_LEFT ? HOST_LEFT : HOST_JOINED);
            note.from = exchange->first_own + i;
            if (batch_put(batch, &note))
                member->told_of[i] = (unsigned char)state;
        }
        all = all && member->told_of[i] == NW_PEER_LEFT;
    }
    return all;
}

static void tell_wakes(const struct hosts *hosts, unsigned rank, struct batch *batch)
{
    for (unsigned i = hosts_first(hosts, rank); i < hosts_first(hosts, rank + 1); i++) {
        atomic_uint *woken = &hosts->exchange->all->peer[i].woken;
        struct host_note note = begin_note(hosts, HOST_WAKE);
        note.to = i;
        if (atomic_load_explicit(woken, memory_order_relaxed) && batch_left(batch) >= 0 && atomic_exchange(woken, 0))
            batch_put(batch, &note);
    }
}

/* --- lanes to it --- */

static bool tell_lane(const struct hosts *hosts, struct outbound *out, struct batch *batch)
{
    struct host_note note = begin_note(hosts, HOST_LANE);
    note.from = out->lane->from;
    note.to = out->lane->to;
    note.id = out->agreement->id;
    note.message_size = out->agreement->message_size;
    note.room = out->agreement->room;
    if (!out->is_told)
        out->is_told = batch_put(batch, &note);
    return out->is_told;
}

/* The next bytes that lie in one piece. false: there are none. */
static bool next_run(struct outbound *out)
{
    struct ring_reader *reader = &out->reader;
    struct ring_message message;
    out->run_at = reader->at;
    out->run_length = out->run_put = 0;
    do {
        if (ring_read(reader, &message) != 0)
            break;
        out->run_length += reader->open;
        ring_pass(reader);
        out->messages++;
    } while (out->run_length < RUN && reader->at);
    return out->run_length != 0;
}

/* As much of the run as there is room for. false: there is none, or nothing is there. */
static bool tell_data(const struct hosts *hosts, uint32_t number, struct outbound *out, struct batch *batch)
{
    int64_t room = batch_left(batch);
    if (room < RING_ALIGN || (out->run_put == out->run_length && !next_run(out)))
        return false;
    uint64_t left = out->run_length - out->run_put;
    uint64_t length = left < (uint64_t)room ? left : (uint64_t)room & ~(uint64_t)(RING_ALIGN - 1);
    struct host_note note = begin_note(hosts, HOST_DATA);
    note.lane = number;
    note.length = (uint32_t)length;
    note.at = out->run_at + out->run_put;
    note.published = length == left ? out->run_length : 0;
    note.messages = out->messages;
    batch_put_with(batch, &note, out->lane->ring->data + note.at);
    out->run_put += length;
    return true;
}

/* true: something was put, and there may be more. */
static bool tell_of_lane(struct hosts *hosts, unsigned rank, uint32_t number, struct batch *batch)
{
    struct outbound *out = &hosts->members[rank].out[number];
    if (!out->lane || !tell_lane(hosts, out, batch))
        return false;
    const struct ring *ring = out->lane->ring;
    /* acquire: who sees the end sees all that was published before */
    bool has_ended = atomic_load_explicit(&ring->ended, memory_order_acquire) || hosts->is_closing;
    bool is_closed = atomic_load(&ring->closed);
    if (!is_closed && tell_data(hosts, number, out, batch))
        return true;
    bool has_all = out->run_put == out->run_length && ring_look(&out->reader) == -EAGAIN;
    struct host_note note = begin_note(hosts, HOST_ENDED);
    note.lane = number;
    if (has_ended && (is_closed || has_all) && batch_put(batch, &note))
        outbound_end(hosts, rank, out);
    return false;
}

/* A run of each in turn, so that none holds the others up. */
static void tell_lanes(struct hosts *hosts, unsigned rank, struct batch *batch)
{
    struct member *member = &hosts->members[rank];
    bool any = true;
    while (any) {
        any = false;
        for (uint32_t i = 0; i < member->out_count; i++)
            any |= tell_of_lane(hosts, rank, (member->turn + i) % member->out_count, batch);
    }
    member->turn = member->out_count ? (member->turn + 1) % member->out_count : 0;
}

/* --- lanes from it --- */

static void tell_credit(struct hosts *hosts, uint32_t number, struct inbound *in, struct batch *batch,
                        bool with_credits)
{
    uint64_t head = atomic_load_explicit(&in->lane->ring->head, memory_order_acquire), more = head - in->credited;
    struct host_note note = begin_note(hosts, HOST_CREDIT);
    note.lane = number;
    note.at = head;
    /* room that is given back a little at a time goes along with something else */
    if (more && (with_credits || batch->used || more >= in->writer.shape.size / 2) && batch_put(batch, &note))
        in->credited = head;
}

static void tell_rooms(struct hosts *hosts, struct member *member, struct batch *batch, bool with_credits)
{
    for (uint32_t i = 0; i < member->in_count; i++) {
        struct inbound *in = &member->in[i];
        struct host_note note = begin_note(hosts, HOST_CLOSED);
        note.lane = i;
        bool is_closed = in->is_refused || (in->lane && atomic_load(&in->lane->ring->closed));
        if (is_closed && batch_put(batch, &note)) {
            in->is_refused = false;
            if (in->lane)
                inbound_end(hosts, in);
        } else if (in->lane && !is_closed) {
            tell_credit(hosts, i, in, batch, with_credits);
        }
    }
}

/* --- all of it --- */

void hosts_fill(struct hosts *hosts, unsigned rank, struct batch *batch, bool with_credits)
{
    struct member *member = &hosts->members[rank];
    struct host_note close = begin_note(hosts, HOST_CLOSE);
    if (hosts->is_broken || member->told_close || !tell_open(hosts, member, batch) || !hosts->is_open)
        return;
    bool all_left = tell_peers(hosts, member, batch);
    tell_wakes(hosts, rank, batch);
    tell_lanes(hosts, rank, batch);
    tell_rooms(hosts, member, batch, with_credits);
    if (hosts->is_closing && all_left)
        member->told_close = batch_put(batch, &close);
}
