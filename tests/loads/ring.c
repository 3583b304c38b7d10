/*
 * ring [THREADS] [ROUNDS]: threads in a ring of pipes hand a token on, each adding one: one runs at a time, and what costs
 * is waking the next. All on one CPU, it needs not be woken on another.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/loads/team.h"

static unsigned threads, rounds;
static int pipes[TEAM_MOST][2];
static _Atomic uint64_t total;

static void work(unsigned number)
{
    uint64_t token = 0;
    if (number == 0 && write(pipes[0][1], &token, sizeof(token)) != sizeof(token))
        _exit(1);
    for (unsigned round = 0; round < rounds; round++) {
        if (read(pipes[number][0], &token, sizeof(token)) != sizeof(token))
            _exit(1);
        token++;
        if (write(pipes[(number + 1) % threads][1], &token, sizeof(token)) != sizeof(token))
            _exit(1);
    }
    if (number == threads - 1)
        total = token;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    rounds = team_word(argc, argv, 2, 100);
    for (unsigned i = 0; i < threads && i < TEAM_MOST; i++)
        if (pipe(pipes[i]) != 0) {
            perror("pipe");
            return 1;
        }
    team_run(threads, work);
    return team_answer("ring", total, (uint64_t)threads * rounds);
}
