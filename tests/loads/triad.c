/*
 * triad [THREADS] [ROUNDS] [KIB]: main allocates three arrays of KIB each, every thread initialises its part of them and
 * then computes on it. First touch, the rule that programs for several nodes are written by, makes all of it local.
 */
#include <stdatomic.h>

#include "tests/loads/team.h"

static unsigned threads, rounds;
static size_t count;
static double *a, *b, *c;
static _Atomic uint64_t right;

static void work(unsigned number)
{
    size_t first = team_part(count, number, threads), end = team_part(count, number + 1, threads), mine = 0;
    for (size_t i = first; i < end; i++) {
        a[i] = 0;
        b[i] = (double)i;
        c[i] = 1;
    }
    team_meet();
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = first; i < end; i++)
            a[i] = b[i] + c[i] * (round + 1);
    for (size_t i = first; i < end; i++)
        mine += a[i] == (double)i + rounds;
    right += mine;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    rounds = team_word(argc, argv, 2, 20);
    count = (size_t)team_word(argc, argv, 3, 4096) * 1024 / sizeof(*a);
    a = team_allocate(count * sizeof(*a));
    b = team_allocate(count * sizeof(*b));
    c = team_allocate(count * sizeof(*c));
    team_run(threads, work);
    return team_answer("triad", right, count);
}
