/*
 * bench-start: what the shim adds to the start of a process, in microseconds.
 *
 *   bench-start ROUNDS LIBRARY PLAN OTHER_PLAN
 *
 * /bin/true is started in turn without the shim, with it and a plan that governs it (active), with a plan whose
 * target it is not, and without any plan (dormant). Interleaved, so that a change of the machine's speed hits
 * all alike; the median of the differences between neighbours is printed.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum variant { PLAIN, ACTIVE, NO_TARGET, NO_PLAN, VARIANTS };

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double start_once(char *const *environment)
{
    static char program[] = "/bin/true";
    char *const arguments[] = {program, NULL};
    pid_t child;
    int status;
    double start = now_us();
    if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environment) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "/bin/true did not run: %s\n", strerror(errno));
        exit(1);
    }
    return now_us() - start;
}

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? -1 : one > other;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

int main(int argc, char **argv)
{
    size_t rounds = argc == 5 ? strtoul(argv[1], NULL, 10) : 0;
    static const char *const names[VARIANTS] = {"plain", "active", "no-target", "no-plan"};
    char preload[4200], plan[4200], other[4200];
    if (rounds < 3) {
        fputs("usage: bench-start ROUNDS LIBRARY PLAN OTHER_PLAN\n", stderr);
        return 2;
    }
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argv[2]);
    snprintf(plan, sizeof(plan), "NODEWISE_PLAN=%s", argv[3]);
    snprintf(other, sizeof(other), "NODEWISE_PLAN=%s", argv[4]);
    char *environments[VARIANTS][3] = {{NULL}, {preload, plan, NULL}, {preload, other, NULL}, {preload, NULL}};
    double *taken = calloc(rounds * VARIANTS, sizeof(*taken));
    if (!taken)
        return 1;
    for (int i = 0; i < 20; i++)
        for (int v = 0; v < VARIANTS; v++)
            start_once(environments[v]);
    for (size_t i = 0; i < rounds; i++)
        for (size_t k = 0; k < VARIANTS; k++) {
            /* Another order each round: no variant always follows the same one. */
            size_t v = (i + k) % VARIANTS;
            taken[v * rounds + i] = start_once(environments[v]);
        }
    for (int v = VARIANTS - 1; v > 0; v--)
        for (size_t i = 0; i < rounds; i++)
            taken[(size_t)v * rounds + i] -= taken[i];
    printf("%s %.1f\n", names[PLAIN], median(taken, rounds));
    for (size_t v = 1; v < VARIANTS; v++)
        printf("%s %.1f\n", names[v], median(taken + v * rounds, rounds));
    free(taken);
    return 0;
}
