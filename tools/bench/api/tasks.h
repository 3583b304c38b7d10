/*
 * tasks: what the loads of this folder share. A program makes one kind of tasks and says for each load how long it took,
 * in nanoseconds for one operation, the least of several rounds: `NAME NS` lines. tools/bench/tasks compares them.
 *
 *   empty     a task without work, submitted by the main thread; 200,000 to a group
 *   fib       fib(30) with a task for each call but the right one below; one operation is all of it
 *   for       a loop over two pieces of 10 us, right after another: the workers are awake
 *   round     submission of one task and its end seen by the submitter, workers awake
 */
#ifndef NODEWISE_BENCH_API_TASKS_H
#define NODEWISE_BENCH_API_TASKS_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { EMPTY = 200000, FIB = 30, FIB_RESULT = 832040, LOOPS = 2000, ROUNDS = 20000, REPEATS = 5 };

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

static inline void measure(const char *name, void (*run)(void), double operations)
{
    double least = 0;
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

static inline void measure_all(void (*empty)(void), void (*fib)(void), void (*loops)(void), void (*rounds)(void))
{
    measure("empty", empty, EMPTY);
    measure("fib", fib, 1);
    measure("for", loops, LOOPS);
    measure("round", rounds, ROUNDS);
}

#endif
