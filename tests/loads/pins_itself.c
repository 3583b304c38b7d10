/*
 * pins_itself [THREADS] [ROUNDS]: each thread pins itself to a CPU that it chooses, half of the machine away from where
 * the order of creation would put it, and then works on memory of its own.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/loads/team.h"

#define WORDS (256u * 1024 / sizeof(uint64_t))

static unsigned threads, rounds;
static cpu_set_t allowed;
static _Atomic uint64_t wrong;

static int nth_allowed(unsigned n)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && n-- == 0)
            return cpu;
    return 0;
}

static void work(unsigned number)
{
    unsigned cpus = (unsigned)CPU_COUNT(&allowed);
    uint64_t found = 0;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(nth_allowed((number + cpus / 2) % cpus), &own);
    found += sched_setaffinity(0, sizeof(own), &own) != 0;
    uint64_t *mine = team_allocate(WORDS * sizeof(*mine));
    for (size_t i = 0; i < WORDS; i++)
        mine[i] = i;
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < WORDS; i++)
            mine[i] += number;
    for (size_t i = 0; i < WORDS; i++)
        found += mine[i] != i + (uint64_t)number * rounds;
    free(mine);
    wrong += found;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    rounds = team_word(argc, argv, 2, 80);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 1;
    team_run(threads, work);
    return team_answer("pins_itself", wrong, 0);
}
