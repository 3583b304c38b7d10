/* The loads of tasks.h with nodewise.h. */
#include <errno.h>
#include <nodewise.h>
#include <stdlib.h>

#include "tools/bench/api/tasks.h"

static struct nw_pool *pool;
static struct nw_task *tasks;

static void nothing(struct nw_task *task)
{
    (void)task;
}

static void empty(void)
{
    struct nw_group group = {{0}};
    for (int i = 0; i < EMPTY; i++) {
        tasks[i].run = nothing;
        tasks[i].group = &group;
        while (nw_submit(pool, &tasks[i]) == -EAGAIN)
            ;
    }
    nw_group_wait(&group, -1);
}

/* fib(n), in its own place. */
static void run_fib(void *number)
{
    long *n = number;
    if (*n < 2)
        return;
    long left = *n - 1, right = *n - 2;
    nw_join(pool, run_fib, &left, run_fib, &right);
    *n = left + right;
}

static void fib(void)
{
    long n = FIB;
    run_fib(&n);
    if (n != FIB_RESULT)
        abort();
}

static void piece(size_t begin, size_t end, void *context)
{
    (void)context;
    for (; begin < end; begin++)
        work_10us();
}

static void loops(void)
{
    for (int i = 0; i < LOOPS; i++)
        nw_for(pool, 0, 2, 1, piece, NULL);
}

static void once(void)
{
    struct nw_task task = {.run = nothing};
    nw_submit(pool, &task);
    nw_task_wait(&task);
}

static void rounds(void)
{
    for (int i = 0; i < ROUNDS; i++)
        once();
}

int main(int argc, char **argv)
{
    tasks = calloc(EMPTY, sizeof(*tasks));
    if (!tasks || nw_pool_open(NULL, &pool) < 0)
        return 1;
    begin_loads(argc, argv);
    measure("empty", empty, EMPTY);
    measure("fib", fib, 1);
    measure("for", loops, LOOPS);
    measure("round", rounds, ROUNDS);
    measure_asleep(once);
    end_loads();
    free(tasks);
    return nw_pool_close(pool, -1) < 0;
}
