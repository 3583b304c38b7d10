/*
 * batch: what goes from one process of a parallel program to another at a time: notes, each with the bytes that belong to
 * it, one behind the other.
 *
 * The format is of one build and one kind of machine: the first note of all says which (HOST_OPEN). What comes in is
 * checked all the same.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_BATCH_H
#define NODEWISE_SHIM_API_EXCHANGE_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BATCH_ROOM   65536u
#define BATCH_FORMAT UINT32_C(0x6e770001) /* reads otherwise where bytes have another order */

enum host_note_kind {
    HOST_OPEN = 1, /* this process takes part: format, peers; the exchange's name follows */
    HOST_JOINED,   /* the peer `from` */
    HOST_LEFT,     /* the peer `from`; all that it sent has come before */
    HOST_WAKE,     /* the peer `to` is to be woken */
    HOST_LANE,     /* the sender's next lane: from, to; the channel's id, message_size, room */
    HOST_DATA, /* of the lane: what stands at `at` in its ring follows; `published` more bytes may be read, `messages` ever */
    HOST_ENDED,  /* of the lane: no more comes */
    HOST_CREDIT, /* of the receiver's lane: `at` bytes ever were given back */
    HOST_CLOSED, /* of the receiver's lane: its receiver takes no more */
    HOST_CLOSE,  /* this process has closed the exchange and says no more of it */
};

struct host_note {
    uint32_t kind, length; /* of the bytes that follow; they end at a multiple of 8 */
    uint32_t exchange;     /* how many exchanges the process had opened before this one */
    uint32_t lane;         /* the sender's number of it, among those to this process */
    uint32_t format, peers, from, to, id, message_size, room;
    uint32_t unused;
    uint64_t at, published, messages;
};

struct batch {
    unsigned char *bytes;
    uint32_t used;
    bool is_flying; /* it is being sent, and stays as it is */
};

static inline uint32_t batch_padded(uint32_t length)
{
    return (length + 7u) & ~7u;
}

/* How many bytes may follow a note that is put now; below 0: the note has no room. */
static inline int64_t batch_left(const struct batch *batch)
{
    return (int64_t)BATCH_ROOM - batch->used - (int64_t)sizeof(struct host_note);
}

/* false: there is no room; nothing was put. */
static inline bool batch_put(struct batch *batch, const struct host_note *note)
{
    if (batch_left(batch) < (int64_t)batch_padded(note->length))
        return false;
    memcpy(batch->bytes + batch->used, note, sizeof(*note));
    batch->used += (uint32_t)sizeof(*note) + batch_padded(note->length);
    return true;
}

/* The same with the bytes that the note says. */
static inline bool batch_put_with(struct batch *batch, const struct host_note *note, const void *data)
{
    bool has_room = batch_put(batch, note);
    if (has_room)
        memcpy(batch->bytes + batch->used - batch_padded(note->length), data, note->length);
    return has_room;
}

#endif
