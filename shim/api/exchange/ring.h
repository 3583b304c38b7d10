/*
 * ring: bytes from one writer to one reader, in memory that both have. Records lie one behind the other and are written
 * and read in place.
 *
 * The shared part is written by both sides, which need not trust each other: each keeps its own positions in memory of
 * its own, and believes of the other's nothing that reaches beyond the ring. A record that begins before the end of the
 * ring lies in one piece, the part beyond the end included (the tail of `data` below); the next one begins at 0. So both
 * sides know where each record is without asking, and no room is lost.
 *
 * Everything here belongs to the one writer, or to the one reader. No locks, no system calls, no allocation.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_RING_H
#define NODEWISE_SHIM_API_EXCHANGE_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RING_ALIGN 8u
#define RING_AHEAD 256u /* bytes: lines that far ahead are fetched from the other side's processor */

struct ring {
    alignas(128) _Atomic uint64_t tail; /* bytes ever published; of the writer */
    _Atomic uint64_t messages; /* ever published, for those who look on; of messages with a length of their own */
    atomic_uint ended;         /* the writer publishes no more */
    alignas(128) _Atomic uint64_t head; /* bytes ever given back; of the reader */
    alignas(128) atomic_uint refused;   /* the writer found no room; it sets that, the reader takes it away */
    atomic_uint closed; /* the reader takes no more; read at each message, so not beside what it writes */
    alignas(128) unsigned char data[]; /* `size` bytes, and as many again where records have lengths of their own */
};

/* What both sides were told when the ring was made. */
struct ring_shape {
    uint64_t size;         /* bytes of records at a time */
    uint64_t record;       /* what each takes; 0: what ring_record() says */
    uint32_t message_size; /* of each; 0: a record begins with its length */
};

struct ring_writer {
    struct ring *ring;
    struct ring_shape shape;
    uint64_t lap;      /* bytes ever written when the next record's place was last the ring's first */
    uint64_t at;       /* where the next record begins: `lap + at` bytes were ever written */
    uint64_t messages; /* of a length of their own */
    uint64_t begun;    /* bytes of the record that is being written; 0: none is */
    uint64_t
        limit; /* of bytes ever written: what the reader had given back when that was looked at last, and the size */
};

struct ring_reader {
    struct ring *ring;
    struct ring_shape shape;
    uint64_t taken; /* bytes ever given back */
    uint64_t tail;  /* as last seen, and found possible */
    uint64_t at;    /* where the next record begins */
    uint64_t open;  /* bytes of the record that is being read; 0: none is */
};

struct ring_message {
    const void *data;
    uint32_t length;
};

/* The shape of a channel's rings. 0, or -EINVAL: room is 0 or gives more than a GiB. */
int ring_shape_of(uint32_t message_size, uint32_t room, struct ring_shape *ret_shape);
/* How much memory a ring of that shape takes, its first part included. */
size_t ring_bytes(const struct ring_shape *shape);

/* Zeroed memory is an empty ring. */
void ring_write_from(struct ring_writer *writer, struct ring *ring, const struct ring_shape *shape);
void ring_read_from(struct ring_reader *reader, struct ring *ring, const struct ring_shape *shape);

/* What a message of that length takes. 0: the ring never has room for it. */
static inline uint64_t ring_record(const struct ring_shape *shape, uint32_t length)
{
    uint64_t rounded = ((uint64_t)length + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
    if (shape->message_size)
        return length == shape->message_size ? shape->record : 0;
    return rounded + RING_ALIGN <= shape->size ? rounded + RING_ALIGN : 0;
}

/* The compiler's own asks for a line to read where not all processors of the architecture have the other instruction. */
static inline void ring_fetch_to_write(const void *line)
{
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line)); /* those that have it not pass it over */
#else
    __builtin_prefetch(line, 1);
#endif
}

static inline uint64_t ring_written(const struct ring_writer *writer)
{
    return writer->lap + writer->at;
}

/* Looks at what the reader has given back. A position that cannot be is taken for the old one. */
void ring_look_for_room(struct ring_writer *writer);

/* As last seen. */
static inline bool ring_had_room(const struct ring_writer *writer, uint64_t bytes)
{
    return ring_written(writer) + bytes <= writer->limit;
}

/* Room for a record of that many bytes. The other side's position is read only when the last seen one does not suffice. */
static inline bool ring_has_room(struct ring_writer *writer, uint64_t bytes)
{
    if (ring_had_room(writer, bytes))
        return true;
    ring_look_for_room(writer);
    return ring_had_room(writer, bytes);
}

/* Where a message of that length goes. Call ring_has_room() before, ring_end() after. */
static inline void *ring_begin(struct ring_writer *writer, uint32_t length, uint64_t bytes)
{
    unsigned char *record = writer->ring->data + writer->at;
    writer->begun = bytes;
    if (writer->shape.message_size)
        return record;
    const uint64_t word = length;
    memcpy(record, &word, sizeof(word));
    return record + RING_ALIGN;
}

static inline uint64_t ring_next(const struct ring_shape *shape, uint64_t at, uint64_t bytes)
{
    return at + bytes >= shape->size ? 0 : at + bytes;
}

/* A record of that many bytes is written. */
static inline void ring_advance(struct ring_writer *writer, uint64_t bytes)
{
    uint64_t next = writer->at + bytes;
    if (__builtin_expect(next >= writer->shape.size, 0)) {
        writer->lap += next;
        next = 0;
    }
    writer->at = next;
}

static inline void ring_end(struct ring_writer *writer)
{
    ring_advance(writer, writer->begun);
    writer->begun = 0;
    if (!writer->shape.message_size)
        writer->messages++;
}

/* Bytes that are written and not yet published. Another process that has the ring may make it say anything. */
static inline uint64_t ring_unpublished(const struct ring_writer *writer)
{
    return ring_written(writer) - atomic_load_explicit(&writer->ring->tail, memory_order_relaxed);
}

/* Lets the reader see what is written. */
static inline void ring_publish(struct ring_writer *writer)
{
    if (!writer->shape.message_size)
        atomic_store_explicit(&writer->ring->messages, writer->messages, memory_order_relaxed);
    /* release: the records are there before the position; pairs with ring_look() */
    atomic_store_explicit(&writer->ring->tail, ring_written(writer), memory_order_release);
}

/*
 * As ring_begin(), for a message of the ring's one size; the caller writes it and calls ring_sent() with its bytes. Of one message after
 * the other, both store nothing but the position: while the reader has the line of what was published last, stores wait
 * for it, and the processor has room for a few dozen.
 */
static inline unsigned char *ring_place(struct ring_writer *writer)
{
    unsigned char *record = writer->ring->data + writer->at;
    /* the reader has these lines, too; only what it has given back is taken from it */
    if (ring_had_room(writer, RING_AHEAD))
        ring_fetch_to_write(record + RING_AHEAD);
    return record;
}

static inline void ring_sent(struct ring_writer *writer, uint64_t bytes)
{
    ring_advance(writer, bytes);
    /* as ring_publish() */
    atomic_store_explicit(&writer->ring->tail, ring_written(writer), memory_order_release);
}

/* Looks at what the writer has published. 0: there is something; -EAGAIN; -EBADMSG as below. */
int ring_look(struct ring_reader *reader);
/* The next message of a length of its own, once something was seen. 0, -EBADMSG. */
int ring_read_length(struct ring_reader *reader, struct ring_message *ret_message);

/* The next message, of the ring's one size, where something was seen; its record is open until ring_give_back(). */
static inline const void *ring_open_next(struct ring_reader *reader)
{
    const unsigned char *record = reader->ring->data + reader->at;
    if (reader->tail - reader->taken > RING_AHEAD)
        __builtin_prefetch(record + RING_AHEAD);
    reader->open = reader->shape.record;
    return record;
}

/*
 * The next message, whose record is open until ring_give_back(). 0, -EAGAIN: there is none, -EBADMSG: the writer has written
 * what no writer writes; nothing in the ring is to be believed any more.
 */
static inline int ring_read(struct ring_reader *reader, struct ring_message *ret_message)
{
    int error = reader->tail == reader->taken ? ring_look(reader) : 0;
    if (error)
        return error;
    if (!reader->shape.message_size)
        return ring_read_length(reader, ret_message);
    *ret_message = (struct ring_message){ring_open_next(reader), reader->shape.message_size};
    return 0;
}

/* Goes on to the next record, and keeps the room of the open one. */
static inline void ring_pass(struct ring_reader *reader)
{
    reader->at = ring_next(&reader->shape, reader->at, reader->open);
    reader->taken += reader->open;
    reader->open = 0;
}

/* The room of the open record is the writer's again. */
static inline void ring_give_back(struct ring_reader *reader)
{
    ring_pass(reader);
    atomic_store_explicit(&reader->ring->head, reader->taken, memory_order_release);
}

#endif
