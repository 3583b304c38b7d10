/*
 * moving: what of the arenas belongs to a thread that memory/relocation.h moves to another node.
 *
 * Pages of blocks belong to the thread that has their heap, large objects to the thread that allocated them. They are
 * found by a walk over a region's descriptors, without its lock: what was found is checked under the lock before it is
 * moved, and again afterwards.
 *
 * A page or object whose memory lies on another node than its region's is `away`; when it is free again its memory goes
 * back to the kernel before another thread gets the addresses.
 */
#ifndef NODEWISE_SHIM_ARENA_MOVING_H
#define NODEWISE_SHIM_ARENA_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"

/* The thread that memory belongs to. */
struct owner {
    const struct heap *heap; /* NULL: no blocks */
    uint32_t tid;            /* maker of large objects; 0: none */
};

/* One page of blocks, or one large object, as it was when it was found. */
struct stretch {
    uintptr_t start;
    size_t size; /* bytes that can be resident */
    uint32_t region, serial;
    bool away; /* some of it was moved to another node than the region's; as moving_any() tells */
    struct owner owner;
};

/* The next one of the region from slice *slice on, which is behind it afterwards. false: there is no more. */
bool moving_next(struct region *region, uint32_t *slice, const struct owner *owner, struct stretch *ret_stretch);

/*
 * The same for any owner, of the slices below `end` (moving_end(), once, since it takes the lock): the stretch's owner
 * is either the heap or the maker (0: unknown), *ret_rule that of the heap's last borrower or of the maker, PLAN_NONE
 * for none. The page may change hands at any time.
 */
uint32_t moving_end(struct region *region);
bool moving_any(const struct region *region, uint32_t *slice, uint32_t end, struct stretch *ret_stretch,
                uint32_t *ret_rule);

/*
 * Does the owner still have it? Then it is marked as away, or as not away when `node` is the region's. Takes the lock.
 */
bool moving_mark(const struct stretch *stretch, uint32_t node);
/* Does the owner still have it? Takes the lock. */
bool moving_check(const struct stretch *stretch);

#endif
