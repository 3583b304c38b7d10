/*
 * lock: a futex mutex that knows its owner, for the few places where threads meet in the arenas.
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
#include <stddef.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t word;  /* 0 free, 1 taken, 2 taken and somebody sleeps */
    _Atomic(void *) owner;  /* thread pointer of the holder, NULL when free */
};

/* Waits for it. errno kept. */
bool lock_take_slow(struct lock *lock);
void lock_wake(struct lock *lock);

static inline bool lock_take(struct lock *lock)
{
    uint32_t expected = 0;

    if (!atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                 memory_order_relaxed))
        return lock_take_slow(lock);
    atomic_store_explicit(&lock->owner, __builtin_thread_pointer(), memory_order_relaxed);
    return true;
}

static inline void lock_give(struct lock *lock)
{
    atomic_store_explicit(&lock->owner, NULL, memory_order_relaxed);
    /* release: the next holder's acquire sees what was done under the lock */
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        lock_wake(lock);
}

#endif
