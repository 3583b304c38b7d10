/*
 * task: what the library keeps inside struct nw_task and struct nw_group, and the steps of their lives.
 *
 * A task: idle or done, queued, running, done. Cancelled ones stay in their queue until a worker comes upon them, and are
 * done then. Its memory is the caller's again when it is done, which is the last store to it.
 *
 * Any thread; not in signal handlers, but for task_is_free() and group_enter().
 */
#ifndef NODEWISE_SHIM_API_POOL_TASK_H
#define NODEWISE_SHIM_API_POOL_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/api/pool/deque.h"
#include "shim/nodewise-pool.h"

enum task_state { TASK_IDLE, TASK_QUEUED, TASK_RUNNING, TASK_CANCELLED, TASK_DONE, TASK_ENDED_CANCELLED };

/* Is called once the task is over and the caller's again, by the thread that ended it; not in signal handlers. */
struct task_watch {
    void (*ended)(struct task_watch *watch, enum task_state how);
};

/* Lies in the caller's opaque words. */
struct __attribute__((may_alias)) task_inside {
    atomic_uint state;
    uint32_t unused;
    struct nw_affinity from;  /* where it was submitted; set for tasks with `relocate` */
    struct nw_task *next;     /* while a waiting worker digs for a task below it */
    struct task_watch *watch; /* or NULL */
};

/* bits of group_inside.state below the count of tasks that are left */
enum { GROUP_HAS_FD = 1, GROUP_ENDING = 2, GROUP_ONE = 4 };

struct __attribute__((may_alias)) group_inside {
    atomic_uint state;
    int fd; /* with GROUP_HAS_FD */
};

_Static_assert(sizeof(struct task_inside) <= sizeof(((struct nw_task *)0)->opaque), "a task's own words");
_Static_assert(sizeof(struct group_inside) <= sizeof(((struct nw_group *)0)->opaque), "a group's own words");

static inline struct task_inside *task_inside(struct nw_task *task)
{
    return (struct task_inside *)(void *)task->opaque;
}

static inline struct group_inside *group_inside(struct nw_group *group)
{
    return (struct group_inside *)(void *)group->opaque;
}

/* Makes the task queued and counts it. 0, -EBUSY: it is under way, -EOVERFLOW: the group has a billion tasks. */
int task_begin(struct nw_task *task, struct task_watch *watch);
/* No queue took it: as before task_begin(). */
void task_begin_undo(struct nw_task *task);
/* queued to running; false: it was cancelled. */
bool task_start(struct nw_task *task);
/* The last that is done to a task, and perhaps to its group. */
void task_end(struct nw_task *task, struct nw_group *group, enum task_state how);
/* The same in two halves: the second counts `count` tasks of the group at once. */
void task_end_apart(struct nw_task *task, enum task_state how);
void group_leave(struct nw_group *group, unsigned count);
bool task_is_over(struct nw_task *task);
int task_result(struct nw_task *task); /* of one that is over: 0, -ECANCELED */

/* nw_task_wait() until a deadline (futex.h): also -ETIMEDOUT. */
int task_wait_until(struct nw_task *task, int64_t deadline);

/* Runs the task here and now where the caller is a worker and finds it queued. */
bool task_run_here(struct nw_task *task);

/* Is no task left, and nobody about to touch the group. */
bool group_is_over(struct nw_group *group);

#endif
