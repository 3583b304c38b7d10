#include "shim/api/chunks.h"

#include <stdlib.h>

chunk_word *chunks_need(struct chunks *chunks, uint32_t slot)
{
    chunk_word *word = chunks_get(chunks, slot), *none = NULL;
    if (word || slot >= CPUS_MAX)
        return word;
    chunk_word *made = calloc(CHUNK_SLOTS, sizeof(*made));
    if (!made)
        return NULL;
    /* release: whoever finds it finds it zeroed; another thread may have been first */
    if (!atomic_compare_exchange_strong_explicit(&chunks->chunk[slot / CHUNK_SLOTS], &none, made, memory_order_acq_rel,
                                                 memory_order_acquire))
        free(made);
    return chunks_get(chunks, slot);
}

void chunks_free(struct chunks *chunks)
{
    for (unsigned i = 0; i < CHUNK_COUNT; i++)
        free(atomic_load_explicit(&chunks->chunk[i], memory_order_relaxed));
}
