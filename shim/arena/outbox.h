/*
 * outbox: remote frees of the calling thread, collected into batches before they are sent.
 *
 * A block of another region has to reach its page, whose descriptor lies on another node. So a thread links the blocks
 * of one slice to each other first, a batch, and pushes them together (remote.h): for most blocks it then touches
 * nothing of the other node but the block's own word. A batch is sent when it is worth OUTBOX_BYTES, when another slice
 * needs its place, when the thread ends, and periodically while the thread allocates (heap_count_time()). At most half
 * a MiB waits in an outbox.
 *
 * A page counts the blocks in a batch as used, as it does those in a bin. So the page stays what it is, and a slice
 * that has a batch is known to have small blocks of one class without a look at its descriptor.
 *
 * Only the heap's borrower uses its outbox. `sending` keeps a signal handler out, whose frees go directly to the page.
 * A fork in the middle leaves the copy a batch that counts one block too many, or that has lost what was just sent;
 * `sending` then stays set, and the copy does not use that outbox again.
 */
#ifndef NODEWISE_SHIM_ARENA_OUTBOX_H
#define NODEWISE_SHIM_ARENA_OUTBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"

#define OUTBOX_BYTES  8192u
#define OUTBOX_BLOCKS 64u
#define OUTBOX_UNIT   16u

/* Sends the batch and empties it. */
void outbox_send(struct heap *heap, struct remote_batch *batch);
/* All of them. */
void outbox_send_all(struct heap *heap);

/* Begins a batch with a small block of the page, which another region has. */
void outbox_add(struct heap *heap, struct page *page, void *block);

static inline struct remote_batch *outbox_batch(struct heap *heap, uintptr_t slice)
{
    return &heap->outbox[slice % OUTBOX_BATCHES];
}

/* Where in its slice a block begins; no block is smaller than a unit, nor begins within one. */
static inline uint16_t outbox_unit(const void *block)
{
    return (uint16_t)((uintptr_t)block % SLICE_SIZE / OUTBOX_UNIT);
}

/* The block of the same slice. */
static inline void *outbox_block(const void *other, uint16_t unit)
{
    return (void *)(((uintptr_t)other & ~((uintptr_t)SLICE_SIZE - 1)) + (uintptr_t)unit * OUTBOX_UNIT);
}

/* Takes the pointer if there is a batch for its slice. heap: any, stand-ins included. */
static inline bool outbox_takes(struct heap *heap, void *pointer)
{
    uintptr_t slice = ((uintptr_t)pointer - heap->base) >> SLICE_SHIFT;
    struct remote_batch *batch = outbox_batch(heap, slice);
    if (batch->key != slice + 1 || heap->sending)
        return false;
    heap->sending = true;
    atomic_signal_fence(memory_order_seq_cst);
    *(void **)pointer = outbox_block(pointer, batch->first);
    batch->count++;
    atomic_signal_fence(memory_order_seq_cst);
    batch->first = outbox_unit(pointer);
    atomic_signal_fence(memory_order_seq_cst);
    heap->sending = false;
    if (batch->count >= batch->most)
        outbox_send(heap, batch);
    return true;
}

#endif
