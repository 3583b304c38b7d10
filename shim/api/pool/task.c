#include "shim/api/pool/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shim/api/library.h"
#include "shim/api/pool/park.h"

/* --- groups --- */

static int group_enter(struct nw_group *group)
{
    struct group_inside *inside = group_inside(group);
    unsigned before = atomic_fetch_add_explicit(&inside->state, GROUP_ONE, memory_order_relaxed);
    if (before < UINT32_MAX / 2)
        return 0;
    atomic_fetch_sub_explicit(&inside->state, GROUP_ONE, memory_order_relaxed);
    return -EOVERFLOW;
}

/* The descriptor is written before a waiter may close it: GROUP_ENDING holds the waiters up. */
static bool leave_with_fd(struct group_inside *inside, unsigned count)
{
    uint64_t one = 1;
    unsigned state = atomic_load(&inside->state), after;
    do {
        after = state - count * GROUP_ONE;
        if (state / GROUP_ONE == count)
            after |= GROUP_ENDING;
    } while (!atomic_compare_exchange_weak(&inside->state, &state, after));
    if (state / GROUP_ONE != count)
        return false;
    /* Fails only when its counter is full, and then it is readable. */
    ssize_t written = write(inside->fd, &one, sizeof(one));
    (void)written;
    atomic_fetch_and(&inside->state, ~(unsigned)GROUP_ENDING);
    return true;
}

void group_leave(struct nw_group *group, unsigned count)
{
    struct group_inside *inside = group_inside(group);
    bool last;
    /* nw_group_fd() does not set the bit while tasks are left. */
    if (atomic_load_explicit(&inside->state, memory_order_relaxed) & GROUP_HAS_FD)
        last = leave_with_fd(inside, count);
    else
        last = atomic_fetch_sub(&inside->state, count * GROUP_ONE) / GROUP_ONE == count;
    if (last)
        park_wake(group); /* by its address: the group may be gone */
}

bool group_is_over(struct nw_group *group)
{
    /* with group_leave(): what the tasks wrote is seen */
    return (atomic_load(&group_inside(group)->state) & ~(unsigned)GROUP_HAS_FD) == 0;
}

static int make_fd(struct group_inside *inside)
{
    unsigned state = atomic_load(&inside->state);
    if (state & GROUP_HAS_FD)
        return inside->fd;
    if (state)
        return -EBUSY;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    inside->fd = fd;
    atomic_fetch_or(&inside->state, GROUP_HAS_FD);
    return fd;
}

API int nw_group_fd(struct nw_group *group)
{
    int saved = errno;
    int error = library_begin();
    int fd = error < 0 ? error : make_fd(group_inside(group));
    errno = saved;
    return fd;
}

/* --- tasks --- */

static bool is_under_way(unsigned state)
{
    return state == TASK_QUEUED || state == TASK_RUNNING || state == TASK_CANCELLED;
}

int task_begin(struct nw_task *task, struct task_watch *watch)
{
    struct task_inside *inside = task_inside(task);
    if (is_under_way(atomic_load_explicit(&inside->state, memory_order_relaxed)))
        return -EBUSY;
    int error = task->group ? group_enter(task->group) : 0;
    if (error < 0)
        return error;
    if (task->relocate)
        inside->from = nw_self();
    inside->watch = watch;
    /* The queue that takes the task publishes this. */
    atomic_store_explicit(&inside->state, TASK_QUEUED, memory_order_relaxed);
    return 0;
}

void task_begin_undo(struct nw_task *task)
{
    struct nw_group *group = task->group;
    atomic_store_explicit(&task_inside(task)->state, TASK_IDLE, memory_order_relaxed);
    if (group)
        group_leave(group, 1);
}

bool task_start(struct nw_task *task)
{
    unsigned queued = TASK_QUEUED; /* with nw_task_cancel() */
    return atomic_compare_exchange_strong_explicit(&task_inside(task)->state, &queued, TASK_RUNNING,
                                                   memory_order_acq_rel, memory_order_acquire);
}

void task_end_apart(struct nw_task *task, enum task_state how)
{
    struct task_watch *watch = task_inside(task)->watch;
    /* Sequentially consistent with park_begin(): a waiter sees this, or is seen by park_wake(). */
    atomic_store(&task_inside(task)->state, how);
    park_wake(task); /* by its address: the task may be gone */
    if (watch)
        watch->ended(watch, how);
}

void task_end(struct nw_task *task, struct nw_group *group, enum task_state how)
{
    if (!group) {
        task_end_apart(task, how);
        return;
    }
    struct task_watch *watch = task_inside(task)->watch;
    /* The exchange of the group's count stands between this store and the look for waiters, and keeps them in order. */
    atomic_store_explicit(&task_inside(task)->state, how, memory_order_release);
    group_leave(group, 1);
    park_wake(task);
    if (watch)
        watch->ended(watch, how);
}

bool task_is_over(struct nw_task *task)
{
    return !is_under_way(atomic_load(&task_inside(task)->state));
}

int task_result(struct nw_task *task)
{
    unsigned state = atomic_load_explicit(&task_inside(task)->state, memory_order_relaxed);
    return state == TASK_ENDED_CANCELLED ? -ECANCELED : 0;
}

API int nw_task_cancel(struct nw_task *task)
{
    int error = library_begin();
    if (error < 0)
        return error;
    unsigned queued = TASK_QUEUED; /* with task_start() */
    return atomic_compare_exchange_strong(&task_inside(task)->state, &queued, TASK_CANCELLED) ? 0 : -EBUSY;
}
