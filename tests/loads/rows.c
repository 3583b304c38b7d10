/*
 * rows [THREADS] [ROUNDS] [ROWS]: main makes rows of 2 KiB one after the other, and each thread works on every N-th of
 * them, as on the rows of a matrix. Each row has one user; its neighbours in memory have others.
 */
#include <stdatomic.h>

#include "tests/loads/team.h"

#define WORDS (2048u / sizeof(uint64_t))

static unsigned threads, rounds, rows;
static uint64_t **row;
static _Atomic uint64_t right;

static void work(unsigned number)
{
    uint64_t mine = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned r = number; r < rows; r += threads)
            for (unsigned i = 0; i < WORDS; i++)
                row[r][i] += i;
    for (unsigned r = number; r < rows; r += threads)
        for (unsigned i = 0; i < WORDS; i++)
            mine += row[r][i] == r + (uint64_t)rounds * i;
    right += mine;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    rounds = team_word(argc, argv, 2, 40);
    rows = team_word(argc, argv, 3, 2048);
    row = team_allocate(rows * sizeof(*row));
    for (unsigned r = 0; r < rows; r++) {
        row[r] = team_allocate(WORDS * sizeof(uint64_t));
        for (unsigned i = 0; i < WORDS; i++)
            row[r][i] = r;
    }
    team_run(threads, work);
    return team_answer("rows", right, rows * WORDS);
}
