/*
 * team: what the loads have in common. Threads that do the same, each with a number; what cannot be had ends the program.
 * A load prints "NAME ok" and ends with 0 when its answer is right, else it says what it found and ends with 1.
 */
#ifndef NODEWISE_TESTS_LOADS_TEAM_H
#define NODEWISE_TESTS_LOADS_TEAM_H

#include <stddef.h>
#include <stdint.h>

#define TEAM_MOST 256u

/* The n-th word of the command line as a number, or another where there is none. From 1 to 1,000,000, else exit(2). */
unsigned team_word(int argc, char **argv, int n, unsigned otherwise);

/* Runs work(0) … work(threads - 1) in a thread each, and waits for all. */
void team_run(unsigned threads, void (*work)(unsigned number));
/* Waits until each thread of the team has come here. */
void team_meet(void);

void *team_allocate(size_t size);

/* A sequence of numbers for a thread: the state begins with any number. */
static inline uint32_t team_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* The first of a team's parts of `count` things that thread `number` works on; that of `number + 1` ends it. */
static inline size_t team_part(size_t count, unsigned number, unsigned threads)
{
    return count / threads * number + (number < count % threads ? number : count % threads);
}

/* The exit status. */
int team_answer(const char *name, uint64_t found, uint64_t expected);

#endif
