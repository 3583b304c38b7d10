/* The loads of tasks.h with OpenMP's tasks (libgomp). */
#include <stdlib.h>

#include "tools/bench/api/tasks.h"

/* Called, lest the compiler leave the task out. */
static __attribute__((noinline)) void nothing(void)
{
    __asm__ volatile("");
}

static void empty(void)
{
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < EMPTY; i++) {
#pragma omp task
        nothing();
    }
}

static long run_fib(long n)
{
    long left, right;
    if (n < 2)
        return n;
#pragma omp task shared(left)
    left = run_fib(n - 1);
    right = run_fib(n - 2);
#pragma omp taskwait
    return left + right;
}

static void fib(void)
{
    long result = 0;
#pragma omp parallel
#pragma omp single
    result = run_fib(FIB);
    if (result != FIB_RESULT)
        abort();
}

static void loops(void)
{
    for (int i = 0; i < LOOPS; i++) {
#pragma omp parallel for schedule(static, 1)
        for (int k = 0; k < 2; k++)
            work_10us();
    }
}

static void rounds(void)
{
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < ROUNDS; i++) {
#pragma omp task
        nothing();
#pragma omp taskwait
    }
}

int main(int argc, char **argv)
{
    begin_loads(argc, argv);
    measure("empty", empty, EMPTY);
    measure("fib", fib, 1);
    measure("for", loops, LOOPS);
    measure("round", rounds, ROUNDS);
    end_loads();
}
