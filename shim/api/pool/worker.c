#include "shim/api/pool/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "policy/reason.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

enum { LOOKS_PER_CLOCK = 16 };

static _Thread_local struct worker *self;

struct worker *worker_self(void)
{
    return self;
}

void worker_set_self(struct worker *worker)
{
    self = worker;
}

static void count_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* --- running --- */

static void relocate(struct nw_task *task)
{
    struct nw_affinity from = task_inside(task)->from, to = nw_self();
    if (from.slot != to.slot || from.node != to.node)
        task->relocate(task, from, to);
}

void worker_run(struct worker *worker, struct nw_task *task)
{
    struct running running = {task, task->group, worker->running};
    if (!task_start(task)) {
        task_end(task, running.group, TASK_ENDED_CANCELLED);
        return;
    }
    worker->running = &running;
    if (task->relocate)
        relocate(task);
    task->run(task);
    worker->running = running.below;
    count_one(&worker->counts.run);
    task_end(task, running.group, TASK_DONE);
}

int worker_push(struct worker *worker, struct nw_task *task)
{
    /* The task may have run and be gone as soon as it lies in the deque. */
    struct nw_group *group = task->group;
    int error = deque_push(&worker->deque, (struct entry){task, group});
    if (error < 0)
        return error;
    pool_wake(worker->pool, worker->node);
    if (group)
        park_offer(group);
    return 0;
}

/* --- idling --- */

static bool is_stopping(const struct worker *worker)
{
    return atomic_load(&worker->pool->stopping);
}

static void find_work_ends(struct worker *worker)
{
    struct nw_pool *pool = worker->pool;
    atomic_fetch_sub(&pool->idle, 1);
    if (sleep_end_search(&pool->nodes[worker->node].sleepers) && worker_sees_work(worker))
        pool_wake(pool, worker->node);
}

/* Near places for as long as the pool spins, then all once. */
static struct nw_task *search(struct worker *worker)
{
    int64_t spin = spin_time(worker->pool->spin_ns), until = clock_now() + spin;
    struct nw_task *task = NULL;
    for (unsigned looks = 1; !task && !is_stopping(worker); looks++) {
        task = worker_look(worker, false);
        if (!task && (looks % LOOKS_PER_CLOCK == 0 || !spin) && clock_now() >= until)
            break;
        spin_once();
    }
    return task ? task : worker_look(worker, true);
}

/* Returns when there may be something to do. */
static void sleep_until_woken(struct worker *worker)
{
    struct nw_pool *pool = worker->pool;
    struct sleepers *sleepers = &pool->nodes[worker->node].sleepers;
    sleep_announce(sleepers);
    atomic_fetch_add(&worker->activity, 1);
    if (atomic_load(&pool->draining))
        park_wake(pool);
    bool sees = worker_sees_work(worker) || is_stopping(worker);
    if (!sees || !sleep_take_back(sleepers)) {
        count_one(&worker->counts.slept);
        sleep_wait(sleepers);
        count_one(&worker->counts.woken);
    }
    atomic_fetch_add(&worker->activity, 1);
}

/* NULL: the pool stops, and nothing is left. */
static struct nw_task *wait_for_work(struct worker *worker)
{
    struct nw_task *task;
    struct nw_pool *pool = worker->pool;
    sleep_begin_search(&pool->nodes[worker->node].sleepers);
    atomic_fetch_add(&pool->idle, 1);
    while (!(task = search(worker)) && !is_stopping(worker))
        sleep_until_woken(worker);
    find_work_ends(worker);
    return task;
}

/* --- life --- */

/* The kernel's word on where the thread may run. */
static void read_back(struct worker *worker, const cpu_set_t *asked, size_t size, int error)
{
    cpu_set_t *now = CPU_ALLOC(size * 8);
    worker->got = (struct nw_got){NW_NONE, error == EPERM    ? REASON_EPERM
                                           : error == ENOSYS ? REASON_ENOSYS
                                                             : REASON_EINVAL};
    if (!now)
        return;
    if (sched_getaffinity(0, size, now) == 0) {
        if (CPU_EQUAL_S(size, now, asked))
            worker->got = (struct nw_got){NW_STRICT, REASON_OK};
        else
            CPU_AND_S(size, now, now, asked);
        if (worker->got.level != NW_STRICT && CPU_COUNT_S(size, now))
            worker->got = (struct nw_got){NW_BEST_EFFORT, REASON_NARROWED};
    }
    CPU_FREE(now);
}

/* The worker pins itself: a bad mask in an attribute would fail pthread_create(). */
static int pin(struct worker *worker)
{
    int last = cpuset_last(&worker->mask);
    cpu_set_t *asked = CPU_ALLOC(last + 1);
    if (!asked)
        return -ENOMEM;
    size_t size = CPU_ALLOC_SIZE(last + 1);
    CPU_ZERO_S(size, asked);
    CPUSET_FOREACH(cpu, &worker->mask)
        CPU_SET_S(cpu, size, asked);
    int error = sched_setaffinity(0, size, asked) == 0 ? 0 : errno;
    read_back(worker, asked, size, error);
    CPU_FREE(asked);
    return worker->got.level != NW_STRICT && worker->pool->mode == NW_HARD ? -EPERM : 0;
}

static void find_stack(struct worker *worker)
{
    pthread_attr_t attributes;
    void *start = NULL;
    size_t size = 0;
    worker->frame = worker->leap.stack = (uintptr_t)__builtin_frame_address(0); /* nothing lies between the two */
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &start, &size) == 0)
        worker->leap.stack = (uintptr_t)start;
    pthread_attr_destroy(&attributes);
}

/* On its CPU, so that what it allocates lies on its node. */
static int begin(struct worker *worker)
{
    pthread_setname_np(pthread_self(), worker->name);
    int error = pin(worker);
    if (error == 0)
        error = deque_init(&worker->deque);
    return error;
}

void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct nw_pool *pool = worker->pool;
    self = worker;
    find_stack(worker);
    worker->frame = (uintptr_t)__builtin_frame_address(0);
    worker->error = begin(worker);
    atomic_store_explicit(&worker->activity, 1, memory_order_relaxed);
    atomic_fetch_add(&pool->started, 1);
    futex_wake(&pool->started, 1);
    while (!atomic_load(&pool->released))
        futex_wait(&pool->released, 0, INT64_MAX);
    if (atomic_load(&pool->released) != 1)
        return NULL;
    for (;;) {
        struct nw_task *task = worker_look(worker, false);
        if (!task && !(task = wait_for_work(worker)))
            return NULL;
        worker_run(worker, task);
    }
}
