/*
 * tasks: what the loads of this folder share. A program makes one kind of tasks and says for each load of its arguments, or
 * for all, how long it took, in nanoseconds for one operation, the least of several rounds: `NAME NS` lines. With the
 * argument `idle` it then says so and waits for the end of its input. tools/bench/tasks compares them.
 *
 *   empty     a task without work, submitted by the main thread; 200,000 to a group
 *   fib       fib(30), whose calls divide in two halves; one operation is all of it
 *   for       a loop over two pieces of 10 us, right after another: the workers are awake
 *   round     submission of one task and its end seen by the submitter, workers awake
 *   asleep    the same with workers that have slept for long; the median
 */
#ifndef NODEWISE_BENCH_API_TASKS_H
#define NODEWISE_BENCH_API_TASKS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EMPTY = 200000,
    FIB = 30,
    FIB_RESULT = 832040,
    LOOPS = 2000,
    ROUNDS = 20000,
    REPEATS = 5,
    SLEEPS = 301,
    SLEEP_US = 2000
};

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Work that no compiler takes away. */
static inline void work_10us(void)
{
    for (volatile unsigned i = 0; i < 8000; i++)
        ;
}

/* The loads that the program was asked for; NULL: all of them. */
static char **asked;

static inline int is_asked(const char *name)
{
    for (char **word = asked; asked && *word; word++)
        if (strcmp(*word, name) == 0)
            return 1;
    return !asked;
}

static inline void begin_loads(int argc, char **argv)
{
    asked = argc > 1 ? argv + 1 : NULL;
}

static inline void end_loads(void)
{
    if (!asked || !is_asked("idle"))
        return;
    puts("idle");
    fflush(stdout);
    while (getchar() != EOF)
        ;
}

static inline void measure(const char *name, void (*run)(void), double operations)
{
    double least = 0;
    if (!is_asked(name))
        return;
    run();
    for (int i = 0; i < REPEATS; i++) {
        int64_t begin = now_ns();
        run();
        double each = (double)(now_ns() - begin) / operations;
        if (i == 0 || each < least)
            least = each;
    }
    printf("%s %.1f\n", name, least);
    fflush(stdout);
}

static inline int compare_times(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static inline void measure_asleep(void (*round)(void))
{
    int64_t took[SLEEPS];
    if (!is_asked("asleep"))
        return;
    for (int i = 0; i < SLEEPS; i++) {
        const struct timespec pause = {0, SLEEP_US * 1000};
        nanosleep(&pause, NULL);
        int64_t begin = now_ns();
        round();
        took[i] = now_ns() - begin;
    }
    qsort(took, SLEEPS, sizeof(took[0]), compare_times);
    printf("asleep %.1f\n", (double)took[SLEEPS / 2]);
    fflush(stdout);
}

#endif
