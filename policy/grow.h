/* grow: lists that get longer one item at a time. */
#ifndef NODEWISE_POLICY_GROW_H
#define NODEWISE_POLICY_GROW_H

#include <stddef.h>
#include <stdlib.h>

#define GROW_FIRST 8u

/*
 * The items, `count` of them, with room for one more; where there is none, in other memory with twice the room. `room` and
 * `size` in items and in bytes of one. NULL: memory is short, and the items stay where they are, the caller's.
 */
static inline void *grow(void *items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return items;
    size_t more = *room ? 2 * *room : GROW_FIRST;
    void *grown = realloc(items, more * size);
    if (grown)
        *room = more;
    return grown;
}

#endif
