/* What kinds of programs do with memory, in small: loads of bench-alloc (alloc.c). */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/alloc.h"

/* Texts that grow by a few letters at a time, many at once, as those of an interpreter do. */
void strings(struct work *work)
{
    enum { TEXTS = 256, LONGEST = 400 };
    char *texts[TEXTS] = {NULL};
    uint64_t operations = work->rounds * 8;
    size_t lengths[TEXTS] = {0};
    for (uint64_t i = 0; i < operations; i++) {
        unsigned k = next_random(work) % TEXTS;
        if (lengths[k] > LONGEST) {
            free(texts[k]);
            texts[k] = NULL;
            lengths[k] = 0;
        }
        size_t more = size_between(work, 1, 24);
        texts[k] = realloc(texts[k], lengths[k] + more + 1);
        if (!texts[k])
            abort();
        memset(texts[k] + lengths[k], 'a', more);
        lengths[k] += more;
    }
    for (unsigned k = 0; k < TEXTS; k++)
        free(texts[k]);
    work->operations = operations;
}

/* Vectors that grow by one element, many of them in turn: most steps move. */
void small_growth(struct work *work)
{
    enum { VECTORS = 64, MOST = 128 };
    uint64_t rounds = work->rounds / 512;
    for (uint64_t i = 0; i < rounds; i++) {
        char *vectors[VECTORS] = {NULL};
        for (size_t size = 16; size <= MOST * 16; size += 16)
            for (unsigned k = 0; k < VECTORS; k++) {
                vectors[k] = realloc(vectors[k], size);
                if (!vectors[k])
                    abort();
                vectors[k][size - 1] = 1;
            }
        for (unsigned k = 0; k < VECTORS; k++)
            free(vectors[k]);
    }
    work->operations = rounds * VECTORS * MOST;
}

/* Nothing is freed before the end, as in a compiler. */
void leak(struct work *work)
{
    uint64_t operations = work->rounds * 4;
    for (uint64_t i = 0; i < operations; i++)
        (void)!allocate(size_between(work, 16, 256));
    work->operations = operations;
}

/* Live objects whose sizes shift: what was freed is too small, or too large, for what comes. */
void shifting(struct work *work)
{
    enum { PHASES = 6 };
    unsigned count = (unsigned)(work->rounds / 2);
    void **blocks = calloc(count, sizeof(*blocks));
    if (!blocks)
        abort();
    for (unsigned phase = 0; phase < PHASES; phase++)
        for (unsigned k = 0; k < count; k++) {
            size_t place = next_random(work) % count, low = (size_t)16 << phase;
            free(blocks[place]);
            blocks[place] = allocate(size_between(work, low, low * 3 / 2));
        }
    for (unsigned k = 0; k < count; k++)
        free(blocks[k]);
    free(blocks);
    work->operations = (uint64_t)count * PHASES;
}

/* Memory comes, and most of it goes, ten times. */
void peak_and_idle(struct work *work)
{
    unsigned count = (unsigned)(work->rounds / 4);
    void **blocks = malloc(count * sizeof(*blocks));
    if (!blocks)
        abort();
    for (unsigned turn = 0; turn < 10; turn++) {
        for (unsigned k = 0; k < count; k++)
            blocks[k] = allocate(size_between(work, 16, 1024));
        for (unsigned k = 0; k < count; k++)
            free(blocks[k]);
    }
    free(blocks);
    work->operations = (uint64_t)count * 10;
}

/* Each thread writes into a block of its own: one cache line for two of them costs both. */
static void write_often(char *block, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ++*(volatile char *)block;
}

void false_active(struct work *work)
{
    uint64_t operations = work->rounds / 16;
    for (uint64_t i = 0; i < operations; i++) {
        char *block = allocate(8);
        write_often(block, 1000);
        free(block);
    }
    work->operations = operations;
}

/* The same with blocks that one thread made side by side and others freed: do they come back side by side? */
static char *_Atomic neighbours[128];

void false_passive(struct work *work)
{
    uint64_t operations = work->rounds / 16;
    if (work->thread == 0)
        for (unsigned k = 0; k < work->threads; k++)
            neighbours[k] = allocate(8);
    while (!neighbours[work->thread])
        sched_yield();
    free(neighbours[work->thread]);
    false_active(work);
    work->operations = operations;
}
