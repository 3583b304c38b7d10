#include "shim/arena/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/arena/fork.h"

#define SPINS 100

static bool is_mine(struct lock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == __builtin_thread_pointer();
}

static bool try_take(struct lock *lock)
{
    uint32_t expected = 0;

    if (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0)
        return false;
    return atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

bool lock_take_slow(struct lock *lock)
{
    int saved = errno;

    if (is_mine(lock))
        return false;
    arena_check_fork(); /* the holder may be a thread that a copy of this process does not have */
    for (int i = 0; i < SPINS; i++) {
        if (try_take(lock))
            goto taken;
        __builtin_ia32_pause();
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
taken:
    atomic_store_explicit(&lock->owner, __builtin_thread_pointer(), memory_order_relaxed);
    errno = saved;
    return true;
}

void lock_wake(struct lock *lock)
{
    int saved = errno;

    syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}
