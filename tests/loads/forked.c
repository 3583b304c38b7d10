/*
 * forked [PROCESSES] [THREADS] [ROUNDS]: workers that main forks, with threads each that work on memory of their own, as
 * servers with a process for each core do. Says on how many CPUs the threads were.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/loads/team.h"

#define WORDS (512u * 1024 / sizeof(uint64_t))

static unsigned rounds;
static _Atomic uint64_t wrong;
static _Atomic uint8_t *seen; /* CPUs, shared by all processes */

static void work(unsigned number)
{
    uint64_t *mine = team_allocate(WORDS * sizeof(*mine)), found = 0;
    memset(mine, 0, WORDS * sizeof(*mine));
    for (unsigned round = 0; round < rounds; round++) {
        int cpu = sched_getcpu();
        if (cpu >= 0 && cpu < 4096)
            seen[cpu] = 1;
        for (size_t i = 0; i < WORDS; i++)
            mine[i] += i + number;
    }
    for (size_t i = 0; i < WORDS; i++)
        found += mine[i] != (i + number) * rounds;
    wrong += found;
    free(mine);
}

int main(int argc, char **argv)
{
    unsigned processes = team_word(argc, argv, 1, 4), threads = team_word(argc, argv, 2, 2), failed = 0, cpus = 0;
    rounds = team_word(argc, argv, 3, 40);
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED)
        return 1;
    for (unsigned i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (child)
            continue;
        team_run(threads, work);
        _exit(wrong != 0);
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 1;
        failed += wait(&status) < 0 || status != 0;
    }
    for (unsigned i = 0; i < 4096; i++)
        cpus += seen[i];
    printf("CPUs: %u\n", cpus);
    return team_answer("forked", failed, 0);
}
