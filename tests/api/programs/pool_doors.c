/* Doors into a pool and ends of it: forked children, signal handlers, loops, maps, drain under load. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "counted.h"

static struct nw_pool *open_pool(unsigned workers_per_node)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.workers_per_node = workers_per_node;
    CHECK(nw_pool_open(&options, &pool) == 0);
    return pool;
}

/* --- a forked child --- */

static void a_forked_child_is_told(struct nw_pool *pool)
{
    struct counted task;
    struct nw_group group;
    int write_fd, status;
    memset(&task, 0, sizeof(task));
    memset(&group, 0, sizeof(group));
    task.task.run = count_run;
    CHECK(nw_pool_pipe(pool, &write_fd) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct nw_pool *other = NULL;
        struct nw_pool_stats stats;
        stats.size = sizeof(stats);
        bool told = nw_submit(pool, &task.task) == -ECHILD && nw_group_wait(&group, -1) == -ECHILD &&
                    nw_task_wait(&task.task) == -ECHILD && nw_task_cancel(&task.task) == -ECHILD &&
                    nw_group_fd(&group) == -ECHILD && nw_pool_open(NULL, &other) == -ECHILD &&
                    nw_pool_idle(pool) == -ECHILD && nw_pool_stats(pool, -1, &stats) == -ECHILD &&
                    nw_pool_drain(pool, -1) == -ECHILD && nw_pool_close(pool, -1) == -ECHILD &&
                    nw_for(pool, 0, 1, 1, NULL, NULL) == -ECHILD && nw_join(pool, NULL, NULL, NULL, NULL) == -ECHILD;
        _exit(told && nw_pipe_submit(write_fd, &task.task) == 0 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    while (!__atomic_load_n(&task.runs, __ATOMIC_ACQUIRE)) /* here, not in the child */
        sched_yield();
    CHECK(nw_task_wait(&task.task) == 0);
}

/* --- a signal handler --- */

enum { SIGNALS = 50 };
static struct counted by_signal[SIGNALS];
static struct nw_group all_signals;
static int door_fd, signals;

/* Blocked while pools are opened: their workers inherit that, so that one thread handles all. */
static void handle_alarms(int how)
{
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    CHECK(pthread_sigmask(how, &alarms, NULL) == 0);
}

static void submit_by_pipe(int number)
{
    (void)number;
    if (signals < SIGNALS) {
        by_signal[signals].task.run = count_run;
        by_signal[signals].task.group = &all_signals;
        if (nw_pipe_submit(door_fd, &by_signal[signals].task) == 0)
            __atomic_fetch_add(&signals, 1, __ATOMIC_RELEASE);
    }
}

static void a_signal_handler_submits(struct nw_pool *pool)
{
    struct sigaction action;
    struct itimerval timer;
    memset(&action, 0, sizeof(action));
    memset(&timer, 0, sizeof(timer));
    action.sa_handler = submit_by_pipe;
    action.sa_flags = SA_RESTART;
    CHECK(nw_pool_pipe(pool, &door_fd) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    timer.it_interval.tv_usec = timer.it_value.tv_usec = 500;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    handle_alarms(SIG_UNBLOCK);
    while (__atomic_load_n(&signals, __ATOMIC_ACQUIRE) < SIGNALS) { /* the handler interrupts these, too */
        struct counted task;
        memset(&task, 0, sizeof(task));
        task.task.run = count_run;
        int error = nw_submit(pool, &task.task);
        CHECK(error == 0 || error == -EAGAIN);
        if (error == 0)
            CHECK(nw_task_wait(&task.task) == 0);
    }
    memset(&timer, 0, sizeof(timer));
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(nw_group_wait(&all_signals, -1) == 0);
    for (int i = 0; i < SIGNALS; i++)
        CHECK(by_signal[i].runs == 1);
}

/* --- loops --- */

struct sums {
    struct nw_pool *pool;
    int *numbers;
};

static void add_one(size_t begin, size_t end, void *context)
{
    struct sums *sums = (struct sums *)context;
    CHECK(end - begin <= 7);
    CHECK(nw_pool_current() == sums->pool);
    for (size_t i = begin; i < end; i++)
        sums->numbers[i]++;
}

static void add_rows(size_t begin, size_t end, void *context)
{
    struct sums *sums = (struct sums *)context;
    for (size_t row = begin; row < end; row++) {
        struct sums inner;
        inner.pool = sums->pool;
        inner.numbers = sums->numbers + row * 100;
        CHECK(nw_for(sums->pool, 0, 100, 7, add_one, &inner) == 0);
    }
}

static void loops_do_each_index_once(struct nw_pool *pool)
{
    static int numbers[10000];
    struct sums sums;
    sums.pool = pool;
    sums.numbers = numbers;
    CHECK(nw_for(pool, 0, 10000, 7, add_one, &sums) == 0);
    CHECK(!nw_pool_current());
    CHECK(nw_for(pool, 5, 5, 7, add_one, &sums) == 0);
    CHECK(nw_for(pool, 0, 100, 0, add_rows, &sums) == 0);
    for (int i = 0; i < 10000; i++)
        CHECK(numbers[i] == 2);
}

/* --- maps --- */

static void *double_it(void *item, void *context)
{
    (void)context;
    return (void *)((uintptr_t)item * 2);
}

static void *push_all(void *argument)
{
    struct nw_map *map = (struct nw_map *)argument;
    for (uintptr_t i = 1; i <= 2000; i++)
        CHECK(nw_map_push(map, (void *)i, -1) == 0);
    nw_map_end(map);
    CHECK(nw_map_push(map, NULL, -1) == -ESHUTDOWN);
    return NULL;
}

static void maps_keep_the_order_and_the_window(struct nw_pool *pool)
{
    struct nw_map *map = NULL;
    pthread_t pusher;
    void *result = NULL;
    CHECK(nw_map_open(pool, double_it, NULL, 0, &map) == -EINVAL);
    CHECK(nw_map_open(pool, double_it, NULL, 3, &map) == 0);
    CHECK(nw_map_next(map, &result, 0) == -EAGAIN);
    CHECK(nw_map_next(map, &result, 1000000) == -ETIMEDOUT);
    for (uintptr_t i = 1; i <= 3; i++)
        CHECK(nw_map_push(map, (void *)i, 0) == 0);
    CHECK(nw_map_push(map, (void *)4, 0) == -EAGAIN);
    CHECK(nw_map_push(map, (void *)4, 1000000) == -ETIMEDOUT);
    for (uintptr_t i = 1; i <= 3; i++)
        CHECK(nw_map_next(map, &result, -1) == 0 && (uintptr_t)result == 2 * i);
    CHECK(pthread_create(&pusher, NULL, push_all, map) == 0);
    for (uintptr_t i = 1; i <= 2000; i++)
        CHECK(nw_map_next(map, &result, -1) == 0 && (uintptr_t)result == 2 * i);
    CHECK(nw_map_next(map, &result, -1) == -ENODATA);
    CHECK(nw_map_next(map, &result, 0) == -ENODATA);
    CHECK(pthread_join(pusher, NULL) == 0);
    nw_map_close(map);
    CHECK(nw_map_open(pool, double_it, NULL, 8, &map) == 0);
    for (uintptr_t i = 1; i <= 8; i++)
        CHECK(nw_map_push(map, (void *)i, 0) == 0);
    nw_map_close(map); /* with results that nobody took */
    nw_map_close(NULL);
}

/* --- draining under load --- */

static int stop, accepted, ran;

static void note_run(struct nw_task *task)
{
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
    (void)task;
}

static void *submit_until_shut(void *argument)
{
    struct nw_pool *pool = (struct nw_pool *)argument;
    enum { TASKS = 100000 };
    struct nw_task *tasks =
        (struct nw_task *)calloc(TASKS, sizeof(*tasks)); /* left: they may run until the pool is closed */
    int i = 0, error = 0;
    CHECK(tasks);
    while (error != -ESHUTDOWN && i < TASKS) {
        tasks[i].run = note_run;
        error = nw_submit(pool, &tasks[i]);
        CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
        if (error == 0) {
            __atomic_fetch_add(&accepted, 1, __ATOMIC_RELAXED);
            i++;
        }
    }
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        sched_yield();
    free(tasks);
    return NULL;
}

static void pass_over(size_t begin, size_t end, void *context)
{
    (void)begin, (void)end, (void)context;
}

static void *loop_until_told(void *pool)
{
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        CHECK(nw_for((struct nw_pool *)pool, 0, 2, 1, pass_over, NULL) == 0);
    return NULL;
}

/* Although callers whose loops and tasks come too late still knock. */
static void a_drained_pool_stays_idle(void)
{
    struct nw_pool *pool = open_pool(2);
    pthread_t threads[2];
    stop = 0;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, loop_until_told, pool) == 0);
    CHECK(nw_pool_drain(pool, -1) == 0);
    for (int i = 0; i < 100000; i++)
        CHECK(nw_pool_idle(pool) == 1 && nw_pool_drain(pool, 0) == 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(nw_pool_close(pool, -1) == 0);
}

static void all_that_was_accepted_runs(void)
{
    struct nw_pool *pool = open_pool(2);
    pthread_t threads[3];
    struct nw_pool_stats stats;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, submit_until_shut, pool) == 0);
    while (__atomic_load_n(&ran, __ATOMIC_RELAXED) < 1000)
        sched_yield();
    CHECK(nw_pool_drain(pool, -1) == 0);
    CHECK(nw_pool_drain(pool, 0) == 0);
    CHECK(nw_pool_idle(pool) == 1);
    int before = __atomic_load_n(&ran, __ATOMIC_RELAXED);
    stats.size = sizeof(stats);
    CHECK(nw_pool_stats(pool, -1, &stats) == 0 && stats.run == (uint64_t)before);
    CHECK(nw_pool_stats(pool, 4711, &stats) == -ENOENT);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(nw_pool_close(pool, -1) == 0);
    CHECK(accepted == ran && ran == before);
}

static void bad_options_are_refused(void)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    memset(&options, 0, sizeof(options));
    CHECK(nw_pool_open(&options, &pool) == -EINVAL);
    options.size = sizeof(options);
    options.steal = 99;
    CHECK(nw_pool_open(&options, &pool) == -EINVAL);
    options.steal = 0;
    options.cpus = "no set";
    CHECK(nw_pool_open(&options, &pool) == -EINVAL);
    options.cpus = "none";
    CHECK(nw_pool_open(&options, &pool) == -ENOENT);
    options.cpus = NULL;
    options.workers_per_node = 1000000;
    CHECK(nw_pool_open(&options, &pool) == -EINVAL);
    CHECK(!pool);
}

int main(void)
{
    handle_alarms(SIG_BLOCK);
    bad_options_are_refused();
    all_that_was_accepted_runs();
    a_drained_pool_stays_idle();
    struct nw_pool *pool = open_pool(2);
    loops_do_each_index_once(pool);
    maps_keep_the_order_and_the_window(pool);
    a_signal_handler_submits(pool);
    a_forked_child_is_told(pool);
    CHECK(nw_pool_close(pool, -1) == 0);
    return 0;
}
