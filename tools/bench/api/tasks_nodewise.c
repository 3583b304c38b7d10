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

struct fib {
    struct nw_task task;
    long n, result;
};

static void run_fib(struct nw_task *task)
{
    struct fib *fib = (struct fib *)(void *)task;
    if (fib->n < 2) {
        fib->result = fib->n;
        return;
    }
    struct nw_group group = {{0}};
    struct fib left = {.task = {.run = run_fib, .group = &group}, .n = fib->n - 1}, right = {.n = fib->n - 2};
    nw_submit(pool, &left.task);
    run_fib(&right.task);
    nw_group_wait(&group, -1);
    fib->result = left.result + right.result;
}

static void fib(void)
{
    struct fib root = {.task = {.run = run_fib}, .n = FIB};
    nw_submit(pool, &root.task);
    nw_task_wait(&root.task);
    if (root.result != FIB_RESULT)
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
