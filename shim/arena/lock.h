/*
 * lock: a futex mutex that knows its owner, for the few structures of the arenas that threads share.
 *
 * Held for tens of instructions, never while the kernel is asked for something slow. lock_take() answers false when
 * the calling thread holds the lock already: a signal handler interrupted the owner, and must be served from elsewhere
 * instead of waiting for itself. futex(2).
 *
 * Order of locks and what fork does with them: shim/arena/fork.c.
 */
#ifndef NODEWISE_SHIM_ARENA_LOCK_H
#define NODEWISE_SHIM_ARENA_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/assert.h"

struct lock {
    /* The holder's thread pointer, 0 when free; bit 0: a thread sleeps on it. One word, so that a signal handler never
     * sees a taken lock without its holder. */
    _Atomic uintptr_t word;
#ifdef NODEWISE_ASSERTIONS
    uint32_t rank; /* its place in the order: LOCK_RANK_…; 0: a lock without an order */
#endif
};

#define LOCK_WAITED ((uintptr_t)1)

/*
 * A thread that holds a lock takes no other one. Only a fork takes several: first `forking`, then those of the regions
 * from the first to the last. Debug builds assert it, but not in signal handlers: one that allocates may have
 * interrupted a holder.
 */
#define LOCK_RANK_FORKING 1u
#define LOCK_RANK_REGION  2u /* and the region's number */

#ifdef NODEWISE_ASSERTIONS
#define LOCK_OF_RANK(number)                                                                                           \
    {                                                                                                                  \
        .rank = (number)                                                                                               \
    }
void lock_note_taken(const struct lock *lock);
void lock_note_given(const struct lock *lock);
void lock_set_rank(struct lock *lock, uint32_t rank);
#else
#define LOCK_OF_RANK(number)                                                                                           \
    {                                                                                                                  \
        0                                                                                                              \
    }
static inline void lock_note_taken(const struct lock *lock)
{
    (void)lock;
}

static inline void lock_note_given(const struct lock *lock)
{
    (void)lock;
}

static inline void lock_set_rank(struct lock *lock, uint32_t rank)
{
    (void)lock;
    (void)rank;
}
#endif

/* Waits for it. errno kept. */
bool lock_take_slow(struct lock *lock);
/* In a forked child: the caller holds it now, also if another thread of the parent did. */
void lock_seize(struct lock *lock);
void lock_wake(struct lock *lock);

static inline uintptr_t lock_self(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

static inline bool lock_is_mine(const struct lock *lock)
{
    return (atomic_load_explicit(&lock->word, memory_order_relaxed) & ~LOCK_WAITED) == lock_self();
}

static inline bool lock_take(struct lock *lock)
{
    uintptr_t expected = 0;
    if (atomic_compare_exchange_strong_explicit(&lock->word, &expected, lock_self(), memory_order_acquire,
                                                memory_order_relaxed)) {
        lock_note_taken(lock);
        return true;
    }
    return lock_take_slow(lock);
}

static inline void lock_give(struct lock *lock)
{
    ASSERT(lock_is_mine(lock));
    lock_note_given(lock);
    /* release: the next holder's acquire sees what was done under the lock */
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) & LOCK_WAITED)
        lock_wake(lock);
}

#endif
