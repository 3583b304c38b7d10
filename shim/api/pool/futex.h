/*
 * futex: sleeping in the kernel until a word changes, and the clock that bounds it. The two places of the pool that sleep
 * (sleep.c, park.c) use it. step() is where tests/model/wake_model decides which thread goes next.
 *
 * Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_API_POOL_FUTEX_H
#define NODEWISE_SHIM_API_POOL_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t clock_now(void);
/* The moment that is timeout_ns from now; INT64_MAX for below 0: never. */
int64_t clock_deadline(int64_t timeout_ns);

/*
 * Sleeps while the word has the value, until the deadline. May return early. 0 or -ETIMEDOUT. is_private: no other process
 * wakes or sleeps there; both sides say the same.
 */
int futex_wait_for(bool is_private, atomic_uint *word, unsigned value, int64_t deadline);
/* Wakes at most `count` that sleep on the word. The word is not read: it may be gone already. */
void futex_wake_for(bool is_private, atomic_uint *word, int count);

static inline int futex_wait(atomic_uint *word, unsigned value, int64_t deadline)
{
    return futex_wait_for(true, word, value, deadline);
}

static inline void futex_wake(atomic_uint *word, int count)
{
    futex_wake_for(true, word, count);
}

/* 0 once waits_alone() was called: on one CPU, what a thread looks for cannot come before it sleeps. Else ns. */
int64_t spin_time(int64_t ns);
void waits_alone(void);

#ifdef NODEWISE_STEPS
void step(void);
#else
static inline void step(void)
{
}
#endif

#endif
