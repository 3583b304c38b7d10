#include "shim/api/exchange/ring.h"

#include <errno.h>

#define LARGEST (UINT64_C(1) << 30)

int ring_shape_of(uint32_t message_size, uint32_t room, struct ring_shape *ret_shape)
{
    uint64_t record = ((uint64_t)message_size + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
    uint64_t size = message_size ? record * room : room & ~(RING_ALIGN - 1);
    if (!size || size > LARGEST)
        return -EINVAL;
    *ret_shape = (struct ring_shape){size, record, message_size};
    return 0;
}

size_t ring_bytes(const struct ring_shape *shape)
{
    return sizeof(struct ring) + (shape->message_size ? shape->size : 2 * shape->size);
}

void ring_write_from(struct ring_writer *writer, struct ring *ring, const struct ring_shape *shape)
{
    *writer = (struct ring_writer){.ring = ring, .shape = *shape, .limit = shape->size};
}

void ring_read_from(struct ring_reader *reader, struct ring *ring, const struct ring_shape *shape)
{
    *reader = (struct ring_reader){.ring = ring, .shape = *shape};
}

void ring_look_for_room(struct ring_writer *writer)
{
    /* acquire: what the reader read there was read before it is overwritten; pairs with ring_give_back() */
    uint64_t head = atomic_load_explicit(&writer->ring->head, memory_order_acquire);
    if (head <= ring_written(writer) && head + writer->shape.size > writer->limit)
        writer->limit = head + writer->shape.size;
}

int ring_look(struct ring_reader *reader)
{
    uint64_t tail = atomic_load_explicit(&reader->ring->tail, memory_order_acquire), there = tail - reader->taken;
    if (!there)
        return -EAGAIN;
    if (there > reader->shape.size || there % RING_ALIGN || (reader->shape.record && there % reader->shape.record))
        return -EBADMSG;
    reader->tail = tail;
    return 0;
}

int ring_read_length(struct ring_reader *reader, struct ring_message *ret_message)
{
    const unsigned char *record = reader->ring->data + reader->at;
    /* once: the writer may change it while it is looked at */
    uint64_t length = *(const volatile uint64_t *)(const void *)record;
    uint64_t bytes = length <= reader->shape.size ? ring_record(&reader->shape, (uint32_t)length) : 0;
    if (!bytes || bytes > reader->tail - reader->taken)
        return -EBADMSG;
    reader->open = bytes;
    *ret_message = (struct ring_message){record + RING_ALIGN, (uint32_t)length};
    return 0;
}
