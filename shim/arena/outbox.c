#include "shim/arena/outbox.h"

#include "shim/arena/check.h"
#include "shim/arena/remote.h"

static uint16_t blocks_most(uint32_t block_size)
{
    uint32_t blocks = OUTBOX_BYTES / block_size;
    return (uint16_t)(blocks < 1 ? 1 : blocks > OUTBOX_BLOCKS ? OUTBOX_BLOCKS : blocks);
}

void outbox_send(struct heap *heap, struct parcel *parcel)
{
    if (!parcel->key)
        return;
    heap->sending = true;
    atomic_signal_fence(memory_order_seq_cst);
    struct parcel sent = *parcel;
    parcel->key = 0; /* before it goes: a forked copy must not send it again */
    atomic_signal_fence(memory_order_seq_cst);
    const void *slice = (const void *)(heap->base + ((uintptr_t)(sent.key - 1) << SLICE_SHIFT));
    ASSERT(sent.count && sent.count <= sent.most);
    ASSERT(page_kind(page_of_block(slice)) == PAGE_SMALL);
    remote_push(heap, page_of_block(slice), outbox_block(slice, sent.first), outbox_block(slice, sent.last),
                sent.count);
    atomic_signal_fence(memory_order_seq_cst);
    heap->sending = false;
    remote_look_if_due(heap);
}

void outbox_send_all(struct heap *heap)
{
    if (!heap->has_parcels || heap->sending)
        return;
    heap->has_parcels = false;
    for (uint32_t i = 0; i < OUTBOX_PARCELS; i++)
        outbox_send(heap, &heap->outbox[i]);
}

void outbox_add(struct heap *heap, struct page *page, void *block)
{
    uintptr_t slice = ((uintptr_t)block - heap->base) >> SLICE_SHIFT;
    struct parcel *parcel = outbox_parcel(heap, slice);
    outbox_send(heap, parcel);
    heap->sending = true;
    atomic_signal_fence(memory_order_seq_cst);
    parcel->first = parcel->last = outbox_unit(block);
    parcel->count = 1;
    parcel->most = blocks_most(page->block_size);
    atomic_signal_fence(memory_order_seq_cst);
    parcel->key = (uint32_t)slice + 1; /* last: a forked copy sees all of it or nothing */
    heap->has_parcels = true;
    heap->sending = false;
    if (parcel->most == 1)
        outbox_send(heap, parcel);
}
