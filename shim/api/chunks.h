/*
 * chunks: an array of words that grows without moving, for storage by slot: a table of chunks of 64 slots, each made when
 * it is first needed. Reading takes two loads.
 *
 * Any thread. chunks_get() is signal-safe.
 */
#ifndef NODEWISE_SHIM_API_CHUNKS_H
#define NODEWISE_SHIM_API_CHUNKS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/api/cpus.h"

#define CHUNK_SLOTS 64u
#define CHUNK_COUNT (CPUS_MAX / CHUNK_SLOTS)

typedef _Atomic(void *) chunk_word;

struct chunks {
    _Atomic(chunk_word *) chunk[CHUNK_COUNT];
};

/* The word of a slot; NULL: its chunk is not made, or there is no such slot. */
static inline chunk_word *chunks_get(const struct chunks *chunks, uint32_t slot)
{
    if (slot >= CPUS_MAX)
        return NULL;
    /* acquire: pairs with the publication in chunks_need() */
    chunk_word *chunk = atomic_load_explicit(&chunks->chunk[slot / CHUNK_SLOTS], memory_order_acquire);
    return chunk ? &chunk[slot % CHUNK_SLOTS] : NULL;
}

/* The same; makes the chunk. NULL: memory is short, or there is no such slot. */
chunk_word *chunks_need(struct chunks *chunks, uint32_t slot);
/* Frees the chunks, not what the words point to. */
void chunks_free(struct chunks *chunks);

#endif
