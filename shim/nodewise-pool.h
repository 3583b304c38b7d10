/*
 * nodewise-pool.h: tasks, pools, groups, parallel loops, ordered maps, and a pipe as a pool's door. nodewise.h includes
 * it; the rules that its first comment gives hold here, too.
 */
#ifndef NODEWISE_POOL_H
#define NODEWISE_POOL_H

#include "nodewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- tasks and pools --- */

struct nw_pool;

/*
 * A task lies in the caller's memory, and is the library's from its submission until it has run or was cancelled; nothing
 * is allocated for it. Zeroed but for run.
 */
struct nw_task {
    void (*run)(struct nw_task *task);
    /* NULL, or called before run by the worker where the task comes to another place than it was submitted for */
    void (*relocate)(struct nw_task *task, struct nw_affinity from, struct nw_affinity to);
    struct nw_group *group; /* or NULL */
    uint64_t opaque[4];
};

/* Tasks that are waited for together. Zeroed; on the stack where the program likes. */
struct nw_group {
    uint64_t opaque[8];
};

enum nw_steal {
    NW_STEAL_DEFAULT, /* as NW_STEAL_ANY */
    NW_STEAL_NODE,    /* from workers of the same node */
    NW_STEAL_SOCKET,  /* from workers of the same socket */
    NW_STEAL_ANY,     /* from all, the nearest first */
    NW_STEAL_OFF,
};

/* Set size to sizeof(struct nw_pool_options). A [[pools]] of that name in the policy overrides what stands here. */
struct nw_pool_options {
    uint32_t size;
    const char *name;          /* workers are called name-0001, …; NULL: "pool" */
    const char *cpus;          /* a set as for nw_topology_set(); NULL: all */
    unsigned workers_per_node; /* 0: one for each core of the set, within the cgroup's quota */
    uint8_t steal;             /* enum nw_steal */
    uint8_t mode;              /* enum nw_mode: of the workers' pins */
    uint32_t spin_us;          /* before an idle worker sleeps in the kernel; 0: 20 */
    uint32_t backlog;          /* tasks from outside for each node; then -EAGAIN. 0: 65,536 */
};

/*
 * nw_pool_open - starts a pool of pinned workers
 *
 * options: NULL is all zero.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: an option is unknown, or cpus is no set. -ENOENT: cpus is empty on this machine. -EPERM: NW_HARD, and a
 * worker could not be pinned. -EAGAIN, -ENOMEM: no thread or memory. -ECHILD: the process is a forked child.
 */
int nw_pool_open(const struct nw_pool_options *options, struct nw_pool **ret);

/*
 * nw_submit - gives a task to a pool, near the caller
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: the backlog is full. -ESHUTDOWN: the pool is drained, and the caller is none of its workers. -EBUSY: the
 * task is under way. -ECHILD: the process is a forked child.
 */
int nw_submit(struct nw_pool *pool, struct nw_task *task);

/*
 * nw_submit_to - gives a task to the workers of a node
 *
 * Returns: 0, or a negative errno as nw_submit().
 *
 * Errors: -ENOENT: the pool has no worker on that node.
 */
int nw_submit_to(struct nw_pool *pool, int32_t node, struct nw_task *task);

/*
 * nw_submit_near - gives a task to the workers of the node where memory is
 *
 * data: an address; its page is asked for. Where the kernel does not tell, the task goes to the caller's node.
 *
 * Returns: 0, or a negative errno as nw_submit().
 */
int nw_submit_near(struct nw_pool *pool, const void *data, struct nw_task *task);

/*
 * nw_task_wait - waits for a task without a group
 *
 * As nw_group_wait() without a time-out.
 *
 * Returns: 0: it has run; -ECANCELED: it was cancelled; or a negative errno.
 *
 * Errors: -EDEADLK: the caller is the task itself. -ECHILD: the process is a forked child.
 */
int nw_task_wait(struct nw_task *task);

/*
 * nw_task_cancel - takes a task back
 *
 * Returns: 0: it will not run, and is the caller's again; -EBUSY: it runs or has run; -ECHILD: the process is a forked child.
 */
int nw_task_cancel(struct nw_task *task);

/*
 * nw_group_wait - waits until no task of a group is left
 *
 * A worker that waits runs tasks of this group meanwhile, never others': these could take locks that the caller holds, or
 * fill its stack. All other waiting sleeps.
 *
 * timeout_ns: in nanoseconds; below 0: forever.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ETIMEDOUT: tasks are left. -EDEADLK: the caller is a task of the group itself. -ECHILD: the process is a forked
 * child.
 */
int nw_group_wait(struct nw_group *group, int64_t timeout_ns);

/*
 * nw_group_fd - a descriptor that becomes readable when no task of a group is left
 *
 * For epoll(7) and io_uring(7).
 *
 * Returns: an eventfd(2), the group's until nw_group_wait() has returned 0; or a negative errno.
 */
int nw_group_fd(struct nw_group *group);

/*
 * nw_for - runs a loop in parallel
 *
 * The caller takes part. Pieces are split off only when a worker is idle.
 *
 * begin, end: the indices, end not included. grain: body is called with at least that many, but for the last; 0: 1.
 * body: gets begin and end of a piece, and context.
 *
 * Returns: 0, or a negative errno; then body was not called.
 */
int nw_for(struct nw_pool *pool, size_t begin, size_t end, size_t grain,
           void (*body)(size_t begin, size_t end, void *context), void *context);

/*
 * nw_pool_idle - tells whether a pool has nothing to do
 *
 * Returns: 1: nothing is queued and nothing runs; 0; -ECHILD: the process is a forked child.
 */
int nw_pool_idle(struct nw_pool *pool);

/*
 * nw_pool_drain - ends the intake of a pool and waits for what it has
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ETIMEDOUT: tasks are left, call again. -EDEADLK: the caller is a worker of the pool. -ECHILD: the process is a
 * forked child.
 */
int nw_pool_drain(struct nw_pool *pool, int64_t timeout_ns);

/*
 * nw_pool_close - drains a pool, joins its workers, frees it
 *
 * Returns: 0, or a negative errno as nw_pool_drain(); then nothing was freed.
 */
int nw_pool_close(struct nw_pool *pool, int64_t timeout_ns);

/*
 * nw_pool_current - the pool whose worker the caller is
 *
 * Returns: the pool, or NULL.
 *
 * Safety: any thread, signal handlers.
 */
struct nw_pool *nw_pool_current(void);

/* Set size to sizeof(struct nw_pool_stats). */
struct nw_pool_stats {
    uint32_t size;
    uint64_t run, stolen_node, stolen_socket, stolen_remote; /* tasks */
    uint64_t slept, woken;                                   /* times */
    uint64_t backlog_max;                                    /* tasks */
};

/*
 * nw_pool_stats - what the workers of a node have done
 *
 * node: the kernel's number; -1: all.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ENOENT: the pool has no worker on that node. -EINVAL: size is too small. -ECHILD: the process is a forked child.
 */
int nw_pool_stats(struct nw_pool *pool, int32_t node, struct nw_pool_stats *ret);

/* --- ordered maps --- */

struct nw_map;

/*
 * nw_map_open - opens a map whose results come in the order of the items
 *
 * fn: called by workers with an item and context; gives the result. window: how many items may be under way.
 *
 * Returns: 0, or a negative errno.
 */
int nw_map_open(struct nw_pool *pool, void *(*fn)(void *item, void *context), void *context, unsigned window,
                struct nw_map **ret);

/*
 * nw_map_push - gives an item to a map
 *
 * timeout_ns: 0: does not wait; below 0: forever.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: the window is full. -ESHUTDOWN: the map was ended. -ECHILD: the process is a forked child.
 *
 * Safety: one thread at a time.
 */
int nw_map_push(struct nw_map *map, void *item, int64_t timeout_ns);

/*
 * nw_map_next - takes the next result of a map
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: it is not there yet. -ENODATA: the map was ended, and all results are taken. -ECHILD: the process is a
 * forked child.
 *
 * Safety: one thread at a time, which may be another one than that of nw_map_push().
 */
int nw_map_next(struct nw_map *map, void **ret_result, int64_t timeout_ns);

/*
 * nw_map_end - says that no more items come
 */
void nw_map_end(struct nw_map *map);

/*
 * nw_map_close - waits for what is under way and frees the map
 *
 * Results that were not taken are lost.
 */
void nw_map_close(struct nw_map *map);

/* --- a pipe as the pool's door --- */

/*
 * nw_pool_pipe - opens a pipe through which tasks come to a pool
 *
 * For signal handlers, children and other languages: records of 16 bytes, the addresses of run and of the task.
 *
 * Returns: 0, or a negative errno.
 */
int nw_pool_pipe(struct nw_pool *pool, int *ret_write_fd);

/*
 * nw_pipe_submit - gives a task to a pool through its pipe
 *
 * Returns: 0, or a negative errno of write(2).
 *
 * Safety: any thread, signal handlers.
 */
int nw_pipe_submit(int write_fd, struct nw_task *task);

#ifdef __cplusplus
}
#endif

#endif
