// The loads of tasks.h with oneTBB (libtbb-dev).
#include <cstdlib>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_group.h>

#include "tools/bench/api/tasks.h"

static void empty()
{
    tbb::task_group group;
    for (int i = 0; i < EMPTY; i++)
        group.run([] {});
    group.wait();
}

static long run_fib(long n)
{
    if (n < 2)
        return n;
    long left, right;
    tbb::task_group group;
    group.run([&] { left = run_fib(n - 1); });
    right = run_fib(n - 2);
    group.wait();
    return left + right;
}

static void fib()
{
    if (run_fib(FIB) != FIB_RESULT)
        std::abort();
}

static void loops()
{
    for (int i = 0; i < LOOPS; i++)
        tbb::parallel_for(
            tbb::blocked_range<size_t>(0, 2, 1),
            [](const tbb::blocked_range<size_t> &range) {
                for (size_t k = range.begin(); k < range.end(); k++)
                    work_10us();
            },
            tbb::simple_partitioner());
}

static void once()
{
    tbb::task_group group;
    group.run([] {});
    group.wait();
}

static void rounds()
{
    for (int i = 0; i < ROUNDS; i++)
        once();
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
