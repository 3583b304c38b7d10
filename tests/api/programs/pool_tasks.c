/* What tasks and groups promise: each task runs once, waits end, nested waits work, cancelled tasks do not run. */
#include <errno.h>
#include <nodewise.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "counted.h"

static struct nw_pool *open_pool(unsigned workers_per_node)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.name = "tasks";
    options.workers_per_node = workers_per_node;
    CHECK(nw_pool_open(&options, &pool) == 0);
    return pool;
}

static void submit(struct nw_pool *pool, struct nw_task *task)
{
    int error;
    while ((error = nw_submit(pool, task)) == -EAGAIN)
        sched_yield();
    CHECK(error == 0);
}

/* --- each task runs once --- */

static void each_task_runs_once(struct nw_pool *pool)
{
    enum { COUNT = 20000 };
    struct nw_group group;
    struct counted *tasks = (struct counted *)calloc(COUNT, sizeof(*tasks));
    CHECK(tasks);
    memset(&group, 0, sizeof(group));
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            tasks[i].task.run = count_run;
            tasks[i].task.group = &group;
            submit(pool, &tasks[i].task);
        }
        CHECK(nw_group_wait(&group, -1) == 0);
        for (int i = 0; i < COUNT; i++)
            CHECK(tasks[i].runs == round);
    }
    free(tasks);
}

static void short_groups_end(struct nw_pool *pool)
{
    for (int i = 0; i < 100000; i++) {
        struct nw_group group;
        struct counted task;
        memset(&group, 0, sizeof(group));
        memset(&task, 0, sizeof(task));
        task.task.run = count_run;
        task.task.group = &group;
        submit(pool, &task.task);
        CHECK(nw_group_wait(&group, -1) == 0);
        CHECK(task.runs == 1);
    }
}

/* --- nested waits --- */

struct fib {
    struct nw_task task;
    struct nw_pool *pool;
    long n, result;
};

static void run_fib(struct nw_task *task)
{
    struct fib *fib = (struct fib *)task;
    if (fib->n < 2) {
        fib->result = fib->n;
        return;
    }
    struct nw_group group;
    struct fib left, right;
    memset(&group, 0, sizeof(group));
    memset(&left, 0, sizeof(left));
    left.task.run = run_fib;
    left.task.group = &group;
    left.pool = fib->pool;
    left.n = fib->n - 1;
    right = left;
    right.n = fib->n - 2;
    submit(fib->pool, &left.task);
    run_fib(&right.task);
    CHECK(nw_group_wait(&group, -1) == 0);
    fib->result = left.result + right.result;
}

/* L7: a task that submitted another to its own pool and waited for it hung, once all workers did so. */
static void nested_waits_end(struct nw_pool *pool)
{
    struct fib fib;
    memset(&fib, 0, sizeof(fib));
    fib.task.run = run_fib;
    fib.pool = pool;
    fib.n = 22;
    submit(pool, &fib.task);
    CHECK(nw_task_wait(&fib.task) == 0);
    CHECK(fib.result == 17711);
}

/* A task that waits finds its group's tasks below others that it has submitted later. */
struct digger {
    struct nw_task task;
    struct nw_pool *pool;
    struct nw_group others;
    struct counted wanted[10], other[10];
};

static void dig(struct nw_task *task)
{
    struct digger *digger = (struct digger *)task;
    struct nw_group group;
    memset(&group, 0, sizeof(group));
    for (int i = 0; i < 10; i++) {
        digger->wanted[i].task.run = digger->other[i].task.run = count_run;
        digger->wanted[i].task.group = &group;
        digger->other[i].task.group = &digger->others;
        submit(digger->pool, &digger->wanted[i].task);
        submit(digger->pool, &digger->other[i].task);
    }
    CHECK(nw_group_wait(&group, -1) == 0);
}

static void a_wait_digs_for_its_group(struct nw_pool *pool)
{
    struct digger digger;
    memset(&digger, 0, sizeof(digger));
    digger.task.run = dig;
    digger.pool = pool;
    submit(pool, &digger.task);
    CHECK(nw_task_wait(&digger.task) == 0);
    CHECK(nw_group_wait(&digger.others, -1) == 0);
    for (int i = 0; i < 10; i++)
        CHECK(digger.wanted[i].runs == 1 && digger.other[i].runs == 1);
}

/* --- waits that cannot end --- */

struct selfish {
    struct nw_task task;
    struct nw_group group;
    int by_group, by_task;
};

static void wait_for_oneself(struct nw_task *task)
{
    struct selfish *selfish = (struct selfish *)task;
    selfish->by_group = nw_group_wait(&selfish->group, -1);
    selfish->by_task = nw_task_wait(task);
}

static void a_task_that_waits_for_itself_is_told(struct nw_pool *pool)
{
    struct selfish selfish;
    memset(&selfish, 0, sizeof(selfish));
    selfish.task.run = wait_for_oneself;
    selfish.task.group = &selfish.group;
    submit(pool, &selfish.task);
    CHECK(nw_group_wait(&selfish.group, -1) == 0);
    CHECK(selfish.by_group == -EDEADLK);
    CHECK(selfish.by_task == -EDEADLK);
}

/* --- cancelling --- */

static int gate; /* 0: closed */

static void wait_at_the_gate(struct nw_task *task)
{
    count_run(task);
    while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
        sched_yield();
}

static void cancelled_tasks_do_not_run(void)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    struct nw_group group;
    struct counted running, queued, done;
    memset(&options, 0, sizeof(options));
    memset(&group, 0, sizeof(group));
    memset(&running, 0, sizeof(running));
    options.size = sizeof(options);
    options.workers_per_node = 1;
    options.cpus = "+0"; /* one worker */
    CHECK(nw_pool_open(&options, &pool) == 0);
    queued = done = running;
    running.task.run = wait_at_the_gate;
    queued.task.run = done.task.run = count_run;
    queued.task.group = &group;
    __atomic_store_n(&gate, 0, __ATOMIC_RELEASE);

    submit(pool, &done.task);
    CHECK(nw_task_wait(&done.task) == 0);
    CHECK(nw_task_cancel(&done.task) == -EBUSY);

    submit(pool, &running.task);
    while (!__atomic_load_n(&running.runs, __ATOMIC_ACQUIRE))
        sched_yield();
    CHECK(nw_task_cancel(&running.task) == -EBUSY);

    submit(pool, &queued.task);
    CHECK(nw_submit(pool, &queued.task) == -EBUSY);
    CHECK(nw_group_wait(&group, 1000000) == -ETIMEDOUT);
    CHECK(nw_task_cancel(&queued.task) == 0);
    CHECK(nw_task_cancel(&queued.task) == -EBUSY);
    CHECK(nw_pool_idle(pool) == 0);
    CHECK(nw_pool_close(pool, 1000000) == -ETIMEDOUT);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    CHECK(nw_task_wait(&queued.task) == -ECANCELED);
    CHECK(nw_group_wait(&group, -1) == 0);
    CHECK(queued.runs == 0 && running.runs == 1 && done.runs == 1);
    CHECK(nw_submit(pool, &done.task) == -ESHUTDOWN);
    CHECK(nw_pool_close(pool, -1) == 0);
}

/* --- a descriptor for epoll --- */

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
}

static void a_group_has_a_descriptor(struct nw_pool *pool)
{
    struct nw_group group;
    struct counted task;
    memset(&group, 0, sizeof(group));
    memset(&task, 0, sizeof(task));
    task.task.run = wait_at_the_gate;
    task.task.group = &group;
    __atomic_store_n(&gate, 0, __ATOMIC_RELEASE);
    int fd = nw_group_fd(&group);
    CHECK(fd >= 0 && nw_group_fd(&group) == fd);
    CHECK(!is_readable(fd));
    submit(pool, &task.task);
    CHECK(!is_readable(fd));
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    CHECK(poll(&poll_fd, 1, -1) == 1);
    CHECK(nw_group_wait(&group, -1) == 0);
    close(fd);
}

static void a_full_backlog_is_told(void)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    struct counted first, tasks[8];
    memset(&options, 0, sizeof(options));
    memset(&first, 0, sizeof(first));
    memset(tasks, 0, sizeof(tasks));
    options.size = sizeof(options);
    options.workers_per_node = 1;
    options.cpus = "+0";
    options.backlog = 5;
    CHECK(nw_pool_open(&options, &pool) == 0);
    first.task.run = wait_at_the_gate;
    __atomic_store_n(&gate, 0, __ATOMIC_RELEASE);
    submit(pool, &first.task);
    while (!__atomic_load_n(&first.runs, __ATOMIC_ACQUIRE))
        sched_yield();
    for (int i = 0; i < 8; i++) {
        tasks[i].task.run = count_run;
        CHECK(nw_submit(pool, &tasks[i].task) == (i < 5 ? 0 : -EAGAIN));
    }
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    CHECK(nw_pool_close(pool, -1) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(tasks[i].runs == (i < 5));
}

int main(void)
{
    struct nw_pool *pool = open_pool(0), *one = open_pool(1);
    CHECK(!nw_pool_current());
    errno = 77;
    each_task_runs_once(pool);
    short_groups_end(pool);
    nested_waits_end(pool);
    nested_waits_end(one);
    a_wait_digs_for_its_group(pool);
    a_wait_digs_for_its_group(one);
    a_task_that_waits_for_itself_is_told(pool);
    cancelled_tasks_do_not_run();
    a_group_has_a_descriptor(pool);
    a_full_backlog_is_told();
    CHECK(nw_pool_close(one, -1) == 0);
    CHECK(nw_pool_close(pool, -1) == 0);
    CHECK(nw_pool_close(NULL, -1) == 0);
    CHECK(errno == 77);
    return 0;
}
