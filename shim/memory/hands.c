#include "shim/memory/hands.h"

#include <stdatomic.h>
#include <stddef.h>

enum { PROBES = 8 };

struct entry {
    _Atomic uint64_t pair; /* the sender above the receiver; 0: never used */
    _Atomic uint64_t messages;
};

static struct entry entries[HANDS];

static uint32_t place_of(uint64_t pair)
{
    return (uint32_t)(pair * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The pair's entry, or one that may become it; NULL: all that it may be in are others', and have something to tell. */
static struct entry *find(uint64_t pair)
{
    struct entry *idle = NULL;
    for (uint32_t i = 0; i < PROBES; i++) {
        struct entry *entry = &entries[(place_of(pair) + i) % HANDS];
        if (atomic_load_explicit(&entry->pair, memory_order_relaxed) == pair)
            return entry;
        if (!idle && !atomic_load_explicit(&entry->messages, memory_order_relaxed))
            idle = entry;
    }
    return idle;
}

void hands_tell(uint32_t from_tid, uint32_t to_tid, uint64_t messages)
{
    uint64_t pair = (uint64_t)from_tid << 32 | to_tid;
    struct entry *entry = find(pair);
    if (!entry || !messages)
        return;
    if (atomic_load_explicit(&entry->pair, memory_order_relaxed) != pair)
        atomic_store_explicit(&entry->pair, pair, memory_order_relaxed);
    /* release: with hands_take(), which counts them for this pair */
    atomic_fetch_add_explicit(&entry->messages, messages, memory_order_release);
}

bool hands_take(uint32_t number, struct hand *ret_hand)
{
    struct entry *entry = &entries[number];
    if (!atomic_load_explicit(&entry->messages, memory_order_relaxed))
        return false;
    uint64_t messages = atomic_exchange_explicit(&entry->messages, 0, memory_order_acquire);
    uint64_t pair = atomic_load_explicit(&entry->pair, memory_order_relaxed);
    *ret_hand = (struct hand){(uint32_t)(pair >> 32), (uint32_t)pair, messages};
    return messages > 0;
}
