/*
 * moving: what of the arenas belongs to a thread, for whoever moves it to another node (memory/relocation.h).
 *
 * Pages of blocks belong to the thread that has their heap, large objects to the thread that allocated them. They are
 * found by a walk over a region's descriptors, without its lock: what was found is checked under the lock before it is
 * moved, and again afterwards.
 *
 * A page or object whose memory lies on another node than its region's is `away`; when it is free again its memory goes
 * back to the kernel before anybody else gets the addresses.
 */
#ifndef NODEWISE_SHIM_ARENA_MOVING_H
#define NODEWISE_SHIM_ARENA_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/heap.h"

/* Whose memory. */
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
 * The same, whoever's, of the slices below `end` (moving_end(), once: the lock): the stretch's owner is either the heap
 * or the maker (0: unknown), *ret_rule that of the heap's last borrower or of the maker, PLAN_NONE for none. What is
 * found may have changed hands by then.
 */
uint32_t moving_end(struct region *region);
bool moving_any(const struct region *region, uint32_t *slice, uint32_t end, struct stretch *ret_stretch,
                uint32_t *ret_rule);

/* Is it still the owner's? Then it counts as away, or as at home when `node` is the region's. Takes the lock. */
bool moving_mark(const struct stretch *stretch, uint32_t node);
/* Is it still the owner's? Takes the lock. */
bool moving_check(const struct stretch *stretch);

#endif
