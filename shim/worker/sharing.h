/*
 * sharing: distribution = "sharing". Threads of a rule that use the same memory come to one node. What they have in
 * common is known from the sampled accesses (worker/next_touch.h), from the blocks that one made and another freed
 * (arena/remote.h), from messages of the C interface (memory/hands.h), and from the words that they wait for, which the
 * kernel tells without any permission (/proc/self/task/TID/syscall). memory/pairs.h counts it, policy/grouping.h decides. Threads exchange their places, so
 * no place becomes more crowded; their memory follows, as with memory.migrate_on_move.
 *
 * A job of the worker (worker/upkeep.h). It looks often at first, seldom later. Where the kernel refuses sampling it goes on by itself, and ends when half a minute has changed nothing.
 * A thread moves a few times in its life. The functions return no errors.
 */
#ifndef NODEWISE_SHIM_WORKER_SHARING_H
#define NODEWISE_SHIM_WORKER_SHARING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/grouping.h"
#include "shim/memory/pairs.h"

#define SHARING_MOVES 3u /* of a thread */

struct thread;

struct sharing {
    bool over;
    uint64_t looked_at, began_at; /* monotonic ns; began_at: or of the last change */
    uint64_t needed;              /* weight of a round that is worth a decision, for each thread */
    uint32_t live, turn;
    uint64_t accesses;                     /* that had been seen at the last look */
    struct thread *threads[PAIRS_THREADS]; /* by number; NULL: there is none */
    uint8_t moves[PAIRS_THREADS];
    struct grouping grouping;
    struct pairs pairs;
};

/* Do several threads run under a rule that asks for it? Any thread; costs a comparison where none does. */
bool sharing_has_work(void);

/* For the worker; the memory at `self` must be zeroed. */
void sharing_begin(struct sharing *self);
/* Sampling has brought all that it can. Where it was refused, waits and frees still tell something. */
void sharing_end(struct sharing *self);
/* What the sampler feeds; NULL: nothing is to be learned. */
struct pairs *sharing_pairs(struct sharing *self);
/* ns until the next look; 0: now; UINT64_MAX: never. */
uint64_t sharing_wait(const struct sharing *self);
void sharing_look(struct sharing *self);

#endif
