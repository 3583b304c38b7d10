/* Waiting for tasks and groups. */
#include <errno.h>

#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/join.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"
#include "shim/sys/spin.h"

enum { SPIN_NS = 20000, LOOKS_PER_CLOCK = 16 };

/* What is waited for: a group, or with group NULL a task. */
struct wait {
    struct nw_group *group;
    struct nw_task *task;
    const void *key;
    int64_t deadline;
};

static bool is_over(const struct wait *wait)
{
    return wait->group ? group_is_over(wait->group) : task_is_over(wait->task);
}

/* Is the caller one of the tasks that it waits for? */
static bool is_own(const struct worker *worker, const struct wait *wait)
{
    for (const struct running *running = worker->running; running; running = running->below)
        if (wait->group ? running->group == wait->group : running->task == wait->task)
            return true;
    return false;
}

/* Runs what it may, then looks on for a moment: many waits are shorter than a sleep. */
static void run_and_spin(struct worker *worker, const struct wait *wait)
{
    int64_t spin = spin_time(SPIN_NS), until = 0; /* the clock is asked only where there is nothing to run */
    for (unsigned looks = 1; !is_over(wait); looks++) {
        struct nw_task *task = worker ? worker_look_for(worker, wait->group, wait->task, looks == 1) : NULL;
        if (task) {
            worker_run(worker, task);
            until = 0;
            looks = 0;
            continue;
        }
        if (looks % LOOKS_PER_CLOCK == 0 || !spin) {
            int64_t now = clock_now();
            until = until ? until : now + spin;
            if (now >= until)
                return;
        }
        spin_once();
    }
}

bool task_run_here(struct nw_task *task)
{
    struct worker *worker = worker_self();
    uintptr_t frame = worker ? worker->frame : 0;
    struct nw_task *found = worker ? worker_look_for(worker, NULL, task, true) : NULL;
    if (!found)
        return false;
    worker->frame = (uintptr_t)__builtin_frame_address(0);
    worker_run(worker, found);
    worker->frame = frame;
    return true;
}

/* One sleep: until the end, or, for a worker, until there is something that it may run. */
static int sleep_once(struct worker *worker, const struct wait *wait)
{
    struct parked parked;
    struct nw_task *task = NULL;
    int error = 0;
    /* Others that wait may run what this deque holds. */
    if (worker) {
        join_open_all(worker);
        deque_each_group(&worker->deque, park_offer);
    }
    park_begin(&parked, wait->key, worker != NULL);
    if (!is_over(wait) && !(worker && (task = worker_look_for(worker, wait->group, wait->task, true))))
        error = park_wait(&parked, wait->deadline);
    park_end(&parked);
    if (task)
        worker_run(worker, task);
    return error;
}

static int wait_until_over(struct worker *worker, const struct wait *wait)
{
    int error = 0;
    uintptr_t frame = worker ? worker->frame : 0;
    if (worker)
        worker->frame = (uintptr_t)__builtin_frame_address(0);
    while (!is_over(wait) && error == 0) {
        run_and_spin(worker, wait);
        if (!is_over(wait))
            error = worker && is_own(worker, wait) ? -EDEADLK : sleep_once(worker, wait);
    }
    if (worker)
        worker->frame = frame;
    return is_over(wait) ? 0 : error;
}

static int wait_for(struct worker *worker, struct wait *wait, int64_t timeout_ns)
{
    if (is_over(wait))
        return 0;
    if (timeout_ns == 0)
        return worker && is_own(worker, wait) ? -EDEADLK : -ETIMEDOUT;
    wait->deadline = timeout_ns < 0 ? INT64_MAX : clock_deadline(timeout_ns);
    return wait_until_over(worker, wait);
}

API int nw_group_wait(struct nw_group *group, int64_t timeout_ns)
{
    if (library_is_forked())
        return -ECHILD;
    struct wait wait = {.group = group, .key = group};
    int saved = errno;
    int error = wait_for(worker_self(), &wait, timeout_ns);
    errno = saved;
    return error;
}

int task_wait_until(struct nw_task *task, int64_t deadline)
{
    struct wait wait = {.task = task, .key = task, .deadline = deadline};
    int error = is_over(&wait) ? 0 : wait_until_over(worker_self(), &wait);
    return error < 0 ? error : task_result(task);
}

API int nw_task_wait(struct nw_task *task)
{
    if (library_is_forked())
        return -ECHILD;
    int saved = errno;
    int error = task_wait_until(task, INT64_MAX);
    errno = saved;
    return error;
}
