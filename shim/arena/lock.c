#include "shim/arena/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <unistd.h>

#include "shim/arena/fork.h"
#include "shim/sys/call.h"
#include "shim/sys/spin.h"

#define SPINS 100

/* --- the order, in debug builds --- */

#ifdef NODEWISE_ASSERTIONS

/* What the thread holds. `first` and `last`: ranks in the order of taking. */
static __thread struct {
    uint32_t count, first, last;
} held;

static void assert_order(const struct lock *lock)
{
    bool in_order = !held.count || (held.first == LOCK_RANK_FORKING && held.last < lock->rank);
    if (lock->rank)
        ASSERT(in_order || assert_may_be_handler());
}

static void note_holder(const struct lock *lock)
{
    if (!lock->rank)
        return;
    if (!held.count++)
        held.first = lock->rank;
    held.last = lock->rank;
}

void lock_note_taken(const struct lock *lock)
{
    assert_order(lock);
    note_holder(lock);
}

void lock_note_given(const struct lock *lock)
{
    if (!lock->rank)
        return;
    ASSERT(held.count);
    held.count--;
}

void lock_set_rank(struct lock *lock, uint32_t rank)
{
    lock->rank = rank;
}

#else

static void assert_order(const struct lock *lock)
{
    (void)lock;
}

static void note_holder(const struct lock *lock)
{
    (void)lock;
}

#endif

/* --- taking and giving --- */

static bool try_take(struct lock *lock, uintptr_t as)
{
    uintptr_t expected = 0;
    if (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0)
        return false;
    return atomic_compare_exchange_strong_explicit(&lock->word, &expected, as, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* The kernel looks at 32 bits: those that hold the mark and most of what tells threads apart. */
static void *futex_word(struct lock *lock)
{
    size_t offset = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : sizeof(lock->word) - sizeof(uint32_t);
    return (char *)&lock->word + offset;
}

static void sleep_on(struct lock *lock)
{
    uintptr_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
    if (seen == 0)
        return;
    if (!(seen & LOCK_WAITED) && !atomic_compare_exchange_strong_explicit(&lock->word, &seen, seen | LOCK_WAITED,
                                                                          memory_order_relaxed, memory_order_relaxed))
        return;
    raw_call(SYS_futex, futex_word(lock), FUTEX_WAIT_PRIVATE, (uint32_t)(seen | LOCK_WAITED), NULL, NULL, 0);
}

bool lock_take_slow(struct lock *lock)
{
    int saved = errno;
    if (lock_is_mine(lock))
        return false;
    assert_order(lock); /* before it waits: the wrong order may wait for ever */
    arena_check_fork(); /* the holder may be a thread that a copy of this process does not have */
    for (int i = 0; i < SPINS; i++) {
        if (try_take(lock, lock_self())) {
            lock_note_taken(lock);
            return true;
        }
        spin_once();
    }
    /* marked as waited for: others may sleep beside us */
    while (!try_take(lock, lock_self() | LOCK_WAITED))
        sleep_on(lock);
    lock_note_taken(lock);
    errno = saved;
    return true;
}

void lock_seize(struct lock *lock)
{
    bool mine = lock_is_mine(lock);
    atomic_store_explicit(&lock->word, lock_self(), memory_order_relaxed);
    if (!mine)
        note_holder(lock); /* in any order, since it does not wait */
}

void lock_wake(struct lock *lock)
{
    int saved = errno;
    raw_call(SYS_futex, futex_word(lock), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}
