/* bench-alloc: what its loads share. Each load is deterministic, and writes to what it allocates, as programs do. */
#ifndef NODEWISE_BENCH_ALLOC_H
#define NODEWISE_BENCH_ALLOC_H

#include <stdint.h>
#include <stdlib.h>

struct work {
    unsigned thread, threads;
    uint64_t rounds, operations;
    uint64_t random;
};

static inline uint64_t next_random(struct work *work)
{
    uint64_t x = work->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return work->random = x;
}

static inline size_t size_between(struct work *work, size_t low, size_t high)
{
    return low + (size_t)(next_random(work) >> 11) % (high - low + 1);
}

static inline void *allocate(size_t size)
{
    char *block = malloc(size);
    if (!block)
        abort();
    block[0] = block[size - 1] = 1;
    return block;
}

/* Loads of alloc_programs.c: what kinds of programs do, in small. */
void strings(struct work *work);
void small_growth(struct work *work);
void leak(struct work *work);
void shifting(struct work *work);
void peak_and_idle(struct work *work);
void false_active(struct work *work);
void false_passive(struct work *work);

#endif
