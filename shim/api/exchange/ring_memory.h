/*
 * ring_memory: memory for rings, on the receiver's node and within a budget. Small rings share mappings; a mapping whose
 * rings are all gone is given back.
 *
 * Any thread. Negative errno.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_RING_MEMORY_H
#define NODEWISE_SHIM_API_EXCHANGE_RING_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Of an exchange: what its rings may take together, in bytes of address space. */
struct ring_budget {
    size_t limit;
    _Atomic size_t used;
};

struct ring_chunk;

/* Of one receiver. Zeroed, but for the lock. */
struct ring_store {
    pthread_mutex_t lock;
    struct ring_chunk *current; /* the one that has room for more; the store's own hold of it included */
};

/* Where a ring lies. */
struct ring_place {
    void *start; /* zeroed */
    struct ring_chunk *chunk;
    size_t bytes;
};

/* -ENOBUFS: the budget does not allow it; -ENOMEM. node: the receiver's; -1: unknown. */
int ring_memory_take(struct ring_store *store, struct ring_budget *budget, int32_t node, size_t bytes,
                     struct ring_place *ret_place);
void ring_memory_give(struct ring_store *store, struct ring_budget *budget, const struct ring_place *place);
/* Once no ring is left. */
void ring_memory_end(struct ring_store *store, struct ring_budget *budget);

#endif
