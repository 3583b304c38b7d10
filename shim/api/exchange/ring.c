#include "shim/api/exchange/ring.h"

#include <errno.h>

#define LARGEST (UINT64_C(1) << 30)

int ring_shape_of(uint32_t message_size, uint32_t room, struct ring_shape *ret_shape)
{
    uint64_t record = ((uint64_t)message_size + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
    uint64_t size = message_size ? record * room : room & ~(RING_ALIGN - 1);
    if (!size || size > LARGEST)
        return -EINVAL;
    *ret_shape = (struct ring_shape){size, message_size};
    return 0;
}

size_t ring_bytes(const struct ring_shape *shape)
{
    return sizeof(struct ring) + (shape->message_size ? shape->size : 2 * shape->size);
}

void ring_write_from(struct ring_writer *writer, struct ring *ring, const struct ring_shape *shape)
{
    *writer = (struct ring_writer){.ring = ring, .shape = *shape};
}

void ring_read_from(struct ring_reader *reader, struct ring *ring, const struct ring_shape *shape)
{
    *reader = (struct ring_reader){.ring = ring, .shape = *shape};
}

int ring_read(struct ring_reader *reader, struct ring_message *ret_message)
{
    const struct ring_shape *shape = &reader->shape;
    const unsigned char *record = reader->ring->data + reader->at;
    uint64_t word, length = shape->message_size, bytes;
    if (!ring_seen(reader))
        return -EAGAIN;
    uint64_t there = reader->tail - reader->taken;
    if (there > shape->size || there % RING_ALIGN != 0)
        return -EBADMSG;
    if (!length) {
        /* once: the writer may change it while it is looked at */
        word = *(const volatile uint64_t *)(const void *)record;
        if (word > shape->size)
            return -EBADMSG;
        length = word;
    }
    bytes = ring_record(shape, (uint32_t)length);
    if (!bytes || bytes > there)
        return -EBADMSG;
    reader->open = bytes;
    *ret_message = (struct ring_message){shape->message_size ? record : record + RING_ALIGN, (uint32_t)length};
    return 0;
}
