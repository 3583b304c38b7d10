/* A ring whose writer is hostile, as its reader sees it: positions and bytes of the input, then what can be read. */
#include <stdlib.h>

#include "shim/api/exchange/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256, STEP = 12 }; /* a step: where 4 bytes go, the bytes, the position */

/* Reads what it can, and looks at every byte of it: a sanitizer sees those that are not the ring's. */
static unsigned read_all(struct ring_reader *reader)
{
    struct ring_message message;
    unsigned sum = 0;
    while (ring_read(reader, &message) == 0) {
        for (uint32_t i = 0; i < message.length; i++)
            sum += ((const unsigned char *)message.data)[i];
        ring_give_back(reader);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile unsigned seen;
    struct ring_shape shape;
    struct ring_reader reader;
    if (size < 1 || ring_shape_of(data[0] % 2 ? 0 : 24, data[0] % 2 ? ROOM : ROOM / 24, &shape) != 0)
        return 0;
    const size_t bytes = (ring_bytes(&shape) + 127) & ~(size_t)127;
    struct ring *ring = aligned_alloc(128, bytes);
    if (!ring)
        abort();
    memset(ring, 0, bytes);
    ring_read_from(&reader, ring, &shape);
    for (size_t at = 1; at + STEP <= size; at += STEP) {
        uint32_t where, what, tail;
        memcpy(&where, data + at, sizeof(where));
        memcpy(&what, data + at + 4, sizeof(what));
        memcpy(&tail, data + at + 8, sizeof(tail));
        memcpy(ring->data + where % (ring_bytes(&shape) - sizeof(*ring) - sizeof(what)), &what, sizeof(what));
        /* near to what an honest writer would say, more often than not */
        atomic_store(&ring->tail, tail & 1 ? tail : reader.taken + tail % (2 * ROOM) / 8 * 8);
        seen += read_all(&reader);
    }
    free(ring);
    return 0;
}
