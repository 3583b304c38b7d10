#include "shim/arena/outbox.h"

#include "shim/arena/check.h"
#include "shim/arena/remote.h"

static uint16_t blocks_most(uint32_t block_size)
{
    uint32_t blocks = OUTBOX_BYTES / block_size;
    return (uint16_t)(blocks < 1 ? 1 : blocks > OUTBOX_BLOCKS ? OUTBOX_BLOCKS : blocks);
}

void outbox_send(struct heap *heap, struct remote_batch *batch)
{
    if (!batch->key)
        return;
    heap->sending = true;
    atomic_signal_fence(memory_order_seq_cst);
    struct remote_batch sent = *batch;
    batch->key = 0; /* before it is sent: a forked copy must not send it again */
    atomic_signal_fence(memory_order_seq_cst);
    const void *slice = (const void *)(heap->base + ((uintptr_t)(sent.key - 1) << SLICE_SHIFT));
    ASSERT(sent.count && sent.count <= sent.most);
    ASSERT(page_kind(page_of_block(slice)) == PAGE_SMALL);
    remote_push(heap, page_of_block(slice), outbox_block(slice, sent.first), outbox_block(slice, sent.last),
                sent.count);
    atomic_signal_fence(memory_order_seq_cst);
    heap->sending = false;
    remote_collect_if_due(heap);
}

void outbox_send_all(struct heap *heap)
{
    if (!heap->has_batches || heap->sending)
        return;
    heap->has_batches = false;
    for (uint32_t i = 0; i < OUTBOX_BATCHES; i++)
        outbox_send(heap, &heap->outbox[i]);
}

void outbox_add(struct heap *heap, struct page *page, void *block)
{
    uintptr_t slice = ((uintptr_t)block - heap->base) >> SLICE_SHIFT;
    struct remote_batch *batch = outbox_batch(heap, slice);
    outbox_send(heap, batch);
    heap->sending = true;
    atomic_signal_fence(memory_order_seq_cst);
    batch->first = batch->last = outbox_unit(block);
    batch->count = 1;
    batch->most = blocks_most(page->block_size);
    atomic_signal_fence(memory_order_seq_cst);
    batch->key = (uint32_t)slice + 1; /* last: a forked copy sees all of it or nothing */
    heap->has_batches = true;
    heap->sending = false;
    if (batch->most == 1)
        outbox_send(heap, batch);
}
