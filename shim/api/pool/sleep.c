#include "shim/api/pool/sleep.h"

#include "shim/api/pool/futex.h"

#define ASLEEP    UINT64_C(1)
#define SEARCHING (UINT64_C(1) << 32)

static uint64_t asleep_in(uint64_t state)
{
    return state & (SEARCHING - 1);
}

void sleep_begin_search(struct sleepers *sleepers)
{
    step();
    atomic_fetch_add(&sleepers->state, SEARCHING);
}

bool sleep_end_search(struct sleepers *sleepers)
{
    step();
    return atomic_fetch_sub(&sleepers->state, SEARCHING) / SEARCHING == 1;
}

void sleep_announce(struct sleepers *sleepers)
{
    step();
    atomic_fetch_sub(&sleepers->state, SEARCHING - ASLEEP);
}

bool sleep_take_back(struct sleepers *sleepers)
{
    step();
    uint64_t state = atomic_load(&sleepers->state);
    do {
        /* Those that are asleep are not told apart: with none left, a permit is this worker's. */
        if (!asleep_in(state))
            return false;
        step();
    } while (!atomic_compare_exchange_strong(&sleepers->state, &state, state + SEARCHING - ASLEEP));
    return true;
}

void sleep_wait(struct sleepers *sleepers)
{
    for (;;) {
        step();
        unsigned permits = atomic_load(&sleepers->permits);
        while (permits) {
            step();
            if (atomic_compare_exchange_strong(&sleepers->permits, &permits, permits - 1))
                return;
        }
        futex_wait(&sleepers->permits, 0, INT64_MAX);
    }
}

bool sleep_wake(struct sleepers *sleepers)
{
    step();
    uint64_t state = atomic_load(&sleepers->state);
    do {
        if (state >= SEARCHING)
            return true;
        if (!asleep_in(state))
            return false;
        step();
    } while (!atomic_compare_exchange_strong(&sleepers->state, &state, state + SEARCHING - ASLEEP));
    step();
    atomic_fetch_add(&sleepers->permits, 1);
    futex_wake(&sleepers->permits, 1);
    return true;
}

void sleep_wake_all(struct sleepers *sleepers)
{
    step();
    uint64_t state = atomic_load(&sleepers->state);
    do {
        step();
    } while (
        !atomic_compare_exchange_strong(&sleepers->state, &state, state + asleep_in(state) * (SEARCHING - ASLEEP)));
    unsigned count = (unsigned)asleep_in(state);
    step();
    atomic_fetch_add(&sleepers->permits, count);
    futex_wake(&sleepers->permits, (int)count);
}
