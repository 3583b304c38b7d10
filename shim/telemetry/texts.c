/*
 * One static buffer. The offset of the previously stored text precedes each text; `newest` heads that chain. Two
 * threads that store the same text at the same time may store it twice, which is harmless.
 */
#include "shim/telemetry/texts.h"

#include <stdatomic.h>
#include <string.h>

#include "shim/base/state.h"
#include "shim/telemetry/segment.h"

#define TEXTS_SIZE 65536u
#define LINK_SIZE  sizeof(uint16_t)

static char buffer[TEXTS_SIZE] __attribute__((aligned(8)));
static _Atomic uint32_t used = 2;            /* offset 0 is the empty text */
static _Atomic uint32_t newest ON_DATA_PAGE; /* release after a text is complete; acquire before a text is read */

static uint16_t link_of(uint32_t offset)
{
    uint16_t link;
    memcpy(&link, buffer + offset - LINK_SIZE, LINK_SIZE);
    return link;
}

static uint32_t find(const char *text, size_t length)
{
    uint32_t offset = atomic_load_explicit(&newest, memory_order_acquire);
    while (offset && (strncmp(buffer + offset, text, length) != 0 || buffer[offset + length]))
        offset = link_of(offset);
    return offset;
}

/* Reserves room that no other thread gets. Returns 0 when the buffer is full. */
static uint32_t reserve(size_t length)
{
    uint32_t start = atomic_load_explicit(&used, memory_order_relaxed);
    uint32_t size = (uint32_t)(LINK_SIZE + length + 1 + 1) & ~1u; /* keeps the links aligned */
    do {
        if (start + size > TEXTS_SIZE)
            return 0;
    } while (!atomic_compare_exchange_weak(&used, &start, start + size));
    return start + (uint32_t)LINK_SIZE;
}

uint16_t texts_keep(const char *text, size_t length)
{
    if (!text || !length || length > 4096)
        return 0;
    uint32_t offset = find(text, length);
    if (offset)
        return (uint16_t)offset;
    offset = reserve(length);
    if (!offset)
        return 0;
    memcpy(buffer + offset, text, length);
    uint32_t previous = atomic_load_explicit(&newest, memory_order_relaxed);
    do {
        uint16_t link = (uint16_t)previous;
        memcpy(buffer + offset - LINK_SIZE, &link, LINK_SIZE);
    } while (
        !atomic_compare_exchange_weak_explicit(&newest, &previous, offset, memory_order_release, memory_order_relaxed));
    /* pairs with the fence in texts_copy(): this thread sees the new segment, or the copy has the text */
    atomic_thread_fence(memory_order_seq_cst);
    segment_string(offset, buffer + offset, length + 1);
    return (uint16_t)offset;
}

const char *texts_get(uint16_t offset)
{
    return offset ? buffer + offset : NULL;
}

bool texts_exist(void)
{
    return atomic_load_explicit(&newest, memory_order_relaxed) != 0;
}

size_t texts_copy(char *ret_to, size_t size)
{
    size_t bytes = 0;
    atomic_thread_fence(memory_order_seq_cst); /* pairs with that in texts_keep() */
    for (uint32_t offset = atomic_load_explicit(&newest, memory_order_acquire); offset; offset = link_of(offset)) {
        size_t end = offset + strlen(buffer + offset) + 1;
        if (end > size)
            continue;
        memcpy(ret_to + offset, buffer + offset, end - offset);
        if (bytes < end)
            bytes = end;
    }
    return bytes;
}
