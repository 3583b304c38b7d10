#include "shim/api/pool/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

int64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

int64_t clock_deadline(int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return INT64_MAX;
    int64_t now = clock_now();
    return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

int futex_wait_for(bool is_private, atomic_uint *word, unsigned value, int64_t deadline)
{
    int saved = errno, result = 0;
    struct timespec until = {deadline / SECOND, deadline % SECOND};
    /* FUTEX_WAIT_BITSET takes the moment, FUTEX_WAIT a duration, which an interruption would begin anew. */
    int call = FUTEX_WAIT_BITSET | (is_private ? FUTEX_PRIVATE_FLAG : 0);
    long done =
        syscall(SYS_futex, word, call, value, deadline == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    if (done < 0 && errno == ETIMEDOUT)
        result = -ETIMEDOUT;
    errno = saved;
    return result;
}

void futex_wake_for(bool is_private, atomic_uint *word, int count)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE | (is_private ? FUTEX_PRIVATE_FLAG : 0), count, NULL, NULL, 0);
    errno = saved;
}

/* --- looking on --- */

static atomic_bool alone; /* relaxed: an old value costs time */

void waits_alone(void)
{
    atomic_store_explicit(&alone, true, memory_order_relaxed);
}

int64_t spin_time(int64_t ns)
{
    return atomic_load_explicit(&alone, memory_order_relaxed) ? 0 : ns;
}
