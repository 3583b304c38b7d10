/* nw_join: each half once, and no worker without work beside halves that wait. */
#include <errno.h>
#include <nodewise.h>
#include <string.h>
#include <time.h>

#include "check.h"

enum { WORKERS = 8 /* of each node */, DEPTH = 12, LIMIT_S = 60 };

static struct nw_pool *pool;

static void open_pool(void)
{
    struct nw_pool_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.workers_per_node = WORKERS;
    CHECK(nw_pool_open(&options, &pool) == 0);
}

/* Waits until the number is at least that. */
static void await(const int *number, int least)
{
    time_t end = time(NULL) + LIMIT_S;
    while (__atomic_load_n(number, __ATOMIC_ACQUIRE) < least) {
        CHECK(time(NULL) < end);
        sched_yield();
    }
}

/* --- a tree --- */

struct tree {
    int depth;
    int leaves; /* its own sum, not atomic: who joins sees what the halves have written */
};

static void grow(void *context)
{
    struct tree *tree = (struct tree *)context;
    if (tree->depth == 0) {
        tree->leaves++;
        return;
    }
    struct tree left = {tree->depth - 1, 0}, right = {tree->depth - 1, 0};
    CHECK(nw_join(pool, grow, &left, grow, &right) == 0);
    tree->leaves += left.leaves + right.leaves;
}

struct grower {
    struct nw_task task;
    struct tree tree;
};

static void run_grower(struct nw_task *task)
{
    CHECK(nw_pool_current() == pool);
    grow(&((struct grower *)task)->tree);
}

static void each_half_runs_once(void)
{
    struct tree here = {DEPTH, 0};
    struct grower there;
    memset(&there, 0, sizeof(there));
    there.task.run = run_grower;
    there.tree.depth = DEPTH;
    CHECK(nw_submit(pool, &there.task) == 0);
    grow(&here);
    CHECK(!nw_pool_current());
    CHECK(nw_task_wait(&there.task) == 0);
    CHECK(here.leaves == 1 << DEPTH && there.tree.leaves == 1 << DEPTH);
}

/* --- joins within each other, the last of which waits for halves of the others --- */

struct chain {
    int depth, begun, first_begun;
    void (*end)(struct chain *chain);
};

static void second_of_all(void *context)
{
    __atomic_fetch_add(&((struct chain *)context)->begun, 1, __ATOMIC_RELEASE);
}

static void second_of_outermost(void *context)
{
    __atomic_store_n(&((struct chain *)context)->first_begun, 1, __ATOMIC_RELEASE);
    second_of_all(context);
}

static void descend(void *context)
{
    struct chain *chain = (struct chain *)context;
    if (chain->depth == 0)
        chain->end(chain);
    else {
        chain->depth--;
        CHECK(nw_join(pool, descend, chain, second_of_all, chain) == 0);
    }
}

static void join_in_join(int depth, void (*end)(struct chain *chain))
{
    struct chain chain = {depth - 1, 0, 0, end};
    CHECK(nw_join(pool, descend, &chain, second_of_outermost, &chain) == 0);
    CHECK(chain.begun == depth);
}

static void await_all_but_one(struct chain *chain)
{
    await(&chain->begun, WORKERS - 1);
}

static void idle_workers_find_each_half(void)
{
    struct nw_pool_stats stats;
    stats.size = sizeof(stats);
    do {
        sched_yield();
        CHECK(nw_pool_stats(pool, -1, &stats) == 0);
    } while (stats.slept - stats.woken < WORKERS);
    join_in_join(WORKERS - 1, await_all_but_one);
}

/* Keeps all workers busy, the first until `gate` opens, the others until `released`. */
static struct nw_task *busy;
static int workers, busy_begun, released, gate;

static void be_busy(struct nw_task *task)
{
    __atomic_fetch_add(&busy_begun, 1, __ATOMIC_RELEASE);
    await(task == busy ? &gate : &released, 1);
}

static void keep_workers_busy(void)
{
    busy = (struct nw_task *)calloc((size_t)workers, sizeof(*busy));
    CHECK(busy);
    busy_begun = released = gate = 0;
    for (int i = 0; i < workers; i++) {
        busy[i].run = be_busy;
        CHECK(nw_submit(pool, &busy[i]) == 0);
    }
    await(&busy_begun, workers);
}

static void let_workers_go(void)
{
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < workers; i++)
        CHECK(nw_task_wait(&busy[i]) == 0);
    free(busy);
}

static void release_and_await_the_outermost(struct chain *chain)
{
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    await(&chain->first_begun, 1);
}

static void the_largest_half_is_there_for_who_comes_later(void)
{
    keep_workers_busy();
    join_in_join(2 * WORKERS, release_and_await_the_outermost);
    let_workers_go();
}

static struct chain *gate_keeper;

static void *open_gate(void *unused)
{
    await(&gate_keeper->begun, 2 * WORKERS);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    return unused;
}

/* The task that is waited for ends when all halves have begun: the caller sleeps, and hides none. */
static void release_and_sleep(struct chain *chain)
{
    pthread_t keeper;
    gate_keeper = chain;
    CHECK(pthread_create(&keeper, NULL, open_gate, NULL) == 0);
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    CHECK(nw_task_wait(&busy[0]) == 0);
    CHECK(pthread_join(keeper, NULL) == 0);
}

static void who_sleeps_hides_nothing(void)
{
    keep_workers_busy();
    join_in_join(2 * WORKERS, release_and_sleep);
    let_workers_go();
}

/* --- what lies below a half on the deque --- */

static int strangers_run;

static void be_stranger(struct nw_task *task)
{
    (void)task;
    __atomic_fetch_add(&strangers_run, 1, __ATOMIC_RELEASE);
}

static void nothing(void *unused)
{
    (void)unused;
}

static void submit_stranger(void *task)
{
    CHECK(nw_submit(pool, (struct nw_task *)task) == 0);
}

static void join_with_stranger(struct nw_task *task)
{
    static struct nw_task strangers[100];
    (void)task;
    for (int i = 0; i < 100; i++) {
        strangers[i].run = be_stranger;
        CHECK(nw_join(pool, submit_stranger, &strangers[i], nothing, NULL) == 0);
    }
}

static void tasks_that_a_half_submits_run_too(void)
{
    struct nw_task task;
    memset(&task, 0, sizeof(task));
    task.run = join_with_stranger;
    CHECK(nw_submit(pool, &task) == 0);
    CHECK(nw_task_wait(&task) == 0);
    await(&strangers_run, 100);
}

int main(void)
{
    struct nw_pool_stats stats;
    stats.size = sizeof(stats);
    open_pool();
    workers = 0;
    for (int node = 0; node < 1024; node++)
        if (nw_pool_stats(pool, node, &stats) == 0)
            workers += WORKERS;
    CHECK(workers >= WORKERS);
    idle_workers_find_each_half();
    each_half_runs_once();
    the_largest_half_is_there_for_who_comes_later();
    who_sleeps_hides_nothing();
    tasks_that_a_half_submits_run_too();
    CHECK(nw_pool_drain(pool, -1) == 0);
    struct tree alone = {4, 0};
    grow(&alone);
    CHECK(alone.leaves == 16);
    CHECK(nw_pool_close(pool, -1) == 0);
    return 0;
}
