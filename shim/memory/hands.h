/*
 * hands: how many messages threads have handed to each other through exchanges of the C interface, which tells it
 * (base/door.h). worker/sharing.c takes it for threads that belong together.
 *
 * A small table: of more pairs than it has room for, those that no exchange has told of since they were taken are forgotten.
 * Lock-free; no system call, no allocation.
 */
#ifndef NODEWISE_SHIM_MEMORY_HANDS_H
#define NODEWISE_SHIM_MEMORY_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#define HANDS 256u /* a power of two */

/* One thread at a time. */
void hands_tell(uint32_t from_tid, uint32_t to_tid, uint64_t messages);

struct hand {
    uint32_t from_tid, to_tid;
    uint64_t messages; /* since it was taken last */
};

/* What an entry, of HANDS, has that was not taken yet. false: nothing. One other thread, at the same time. */
bool hands_take(uint32_t number, struct hand *ret_hand);

#endif
