#include "shim/api/pool/worker.h"

#include <errno.h>

#include "policy/reason.h"
#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/listed.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/places.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"
#include "shim/api/self.h"
#include "shim/sys/placing.h"
#include "shim/sys/spin.h"

enum { LOOKS_PER_CLOCK = 16 };

_Thread_local struct worker *worker_own;

/* --- running --- */

static void relocate(struct nw_task *task)
{
    struct nw_affinity from = task_inside(task)->from, to = nw_self();
    if (from.slot != to.slot || from.node != to.node)
        task->relocate(task, from, to);
}

/* false: it was cancelled. */
static bool run(struct worker *worker, struct nw_task *task)
{
    struct running running = {task, task->group, worker->running};
    if (!task_start(task))
        return false;
    worker->running = &running;
    if (task->relocate)
        relocate(task);
    task->run(task);
    worker->running = running.below;
    count(&worker_counts(worker)->run, 1);
    return true;
}

void worker_run(struct worker *worker, struct nw_task *task)
{
    struct nw_group *group = task->group;
    bool ran = run(worker, task);
    task_end(task, group, ran ? TASK_DONE : TASK_ENDED_CANCELLED);
}

static void count_left(struct worker *worker)
{
    if (worker->left_count)
        group_leave(worker->left_group, worker->left_count);
    worker->left_count = 0;
}

/*
 * As worker_run(), for tasks that follow each other: while the next one is of the same group, that group cannot end, and
 * its count, which the submitter writes to as well, is left alone.
 */
static void run_in_turn(struct worker *worker, struct nw_task *task)
{
    struct nw_group *group = task->group;
    if (group != worker->left_group)
        count_left(worker);
    worker->left_group = group;
    bool ran = run(worker, task);
    task_end_apart(task, ran ? TASK_DONE : TASK_ENDED_CANCELLED);
    worker->left_count += group != NULL;
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
        listed_look(worker);
        count(&worker_counts(worker)->slept, 1);
        sleep_wait(sleepers);
        count(&worker_counts(worker)->woken, 1);
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

enum { WORDS = CPUS_MAX / 64 };

static int read_mask(uint64_t *ret_bits, struct cpuset *ret_mask)
{
    size_t words = 0;
    int error = sys_get_affinity(0, ret_bits, WORDS, &words);
    for (unsigned id = 0; error == 0 && id < words * 64; id++)
        if (ret_bits[id / 64] >> id % 64 & 1)
            error = cpuset_add(ret_mask, id);
    return error;
}

/* What was granted is what the kernel says, never what was asked. */
static void read_back(struct worker *worker, int error)
{
    uint64_t bits[WORDS];
    struct cpuset now = CPUSET_EMPTY;
    uint16_t reason = error == -EPERM ? REASON_EPERM : error == -ENOSYS ? REASON_ENOSYS : REASON_EINVAL;
    worker->got = (struct nw_got){NW_NONE, reason};
    if (read_mask(bits, &now) == 0) {
        if (cpuset_equal(&now, &worker->mask))
            worker->got = (struct nw_got){NW_STRICT, REASON_OK};
        else if (cpuset_is_subset(&now, &worker->mask))
            worker->got = (struct nw_got){NW_BEST_EFFORT, REASON_NARROWED};
    }
    cpuset_free(&now);
}

/* The worker pins itself: a bad mask in an attribute would fail pthread_create(). The shim leaves it alone from here on. */
static int pin(struct worker *worker)
{
    uint64_t bits[WORDS] = {0};
    library_hold();
    places_take(worker);
    CPUSET_FOREACH(id, &worker->mask) {
        if ((unsigned)id < CPUS_MAX)
            bits[id / 64] |= UINT64_C(1) << id % 64;
    }
    int error = library_may_place() ? sys_set_affinity(0, bits, WORDS) : -EPERM;
    self_forget();
    read_back(worker, error);
    return worker->got.level != NW_STRICT && worker->pool->mode == NW_HARD ? -EPERM : 0;
}

/* The shim has placed it by its name, and says in its reports how that went. */
static int learn_place(struct worker *worker)
{
    uint64_t bits[WORDS];
    worker->got = (struct nw_got){NW_STRICT, REASON_OK};
    return read_mask(bits, &worker->mask);
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
    int error = worker->pool->of_policy ? learn_place(worker) : pin(worker);
    if (error == 0)
        error = deque_init(&worker->deque);
    return error;
}

static void *end(const struct worker *worker)
{
    if (!worker->pool->of_policy)
        library_release();
    return NULL;
}

void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct nw_pool *pool = worker->pool;
    worker_own = worker;
    find_stack(worker);
    worker->frame = (uintptr_t)__builtin_frame_address(0);
    worker->error = begin(worker);
    atomic_store_explicit(&worker->activity, 1, memory_order_relaxed);
    atomic_fetch_add(&pool->started, 1);
    futex_wake(&pool->started, 1);
    while (!atomic_load(&pool->released))
        futex_wait(&pool->released, 0, INT64_MAX);
    if (atomic_load(&pool->released) != WORKERS_RUN)
        return end(worker);
    for (;;) {
        struct nw_task *task = worker_look(worker, false);
        if (!task) {
            count_left(worker);
            task = wait_for_work(worker);
        }
        if (!task)
            return end(worker);
        run_in_turn(worker, task);
    }
}
