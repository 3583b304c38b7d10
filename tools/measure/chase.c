#include "tools/measure/chase.h"

#include <time.h>

/* Marsaglia's xorshift64*: any generator does whose period is longer than the cycle. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Sattolo's exchange: each line begins as a cycle of its own, and each step joins two of them. */
void chase_link(struct chase_line *lines, size_t count, uint64_t seed)
{
    uint64_t state = seed ? seed : 1;
    for (size_t i = 0; i < count; i++)
        lines[i].next = &lines[i];
    for (size_t i = count; i-- > 1;) {
        struct chase_line *other = &lines[next_random(&state) % i], *next = lines[i].next;
        lines[i].next = other->next;
        other->next = next;
    }
}

/* The time that this thread runs: what others take of its CPU is no latency. */
static double seconds_run(void)
{
    struct timespec run;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &run);
    return (double)run.tv_sec + (double)run.tv_nsec / 1e9;
}

double chase_walk(struct chase_line **at, size_t hops)
{
    struct chase_line *line = *at;
    double begin = seconds_run();
    for (size_t i = 0; i < hops; i++)
        line = *(struct chase_line *volatile *)&line->next; /* volatile: the compiler walks each hop */
    double end = seconds_run();
    *at = line;
    return end > begin ? (end - begin) * 1e9 / (double)hops : 1e-3;
}
