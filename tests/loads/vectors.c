/*
 * vectors [THREADS] [VECTORS] [KIB]: each thread lets vectors grow by realloc(3) from 64 bytes to KIB, in steps of a half,
 * and adds each one up as it grows.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/loads/team.h"

static unsigned threads, vectors;
static size_t most;
static _Atomic uint64_t wrong;

static uint64_t grow(void)
{
    uint64_t *vector = NULL, found = 0;
    size_t filled = 0;
    for (size_t room = 8; filled < most; room += room / 2) {
        uint64_t *grown = realloc(vector, room * sizeof(*vector)), sum = 0;
        if (!grown) {
            perror("realloc");
            exit(1);
        }
        vector = grown;
        for (; filled < room; filled++)
            vector[filled] = filled;
        for (size_t i = 0; i < filled; i++)
            sum += vector[i];
        found += sum != filled * (filled - 1) / 2;
    }
    free(vector);
    return found;
}

static void work(unsigned number)
{
    uint64_t mine = 0;
    (void)number;
    for (unsigned i = 0; i < vectors; i++)
        mine += grow();
    wrong += mine;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    vectors = team_word(argc, argv, 2, 12);
    most = (size_t)team_word(argc, argv, 3, 1024) * 1024 / sizeof(uint64_t);
    team_run(threads, work);
    return team_answer("vectors", wrong, 0);
}
