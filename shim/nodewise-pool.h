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
 * A task lies in the caller's memory, and is the library's from its submission until nw_task_wait() or the wait for its
 * group has returned; nothing is allocated for it. Zeroed but for run, and then submitted as often as wanted. Its run must
 * not free it.
 */
struct nw_task {
    void (*run)(struct nw_task *task);
    /* NULL, or called before run by the worker where the task comes to another place than it was submitted for */
    void (*relocate)(struct nw_task *task, struct nw_affinity from, struct nw_affinity to);
    struct nw_group *group; /* or NULL */
    uint64_t opaque[5];
};

/* Tasks that are waited for together, a billion at most. Zeroed; on the stack where the program likes. */
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
 * A worker's own tasks go on top of what it has submitted before, and it takes the last one first; idle workers take the
 * first. What comes from other threads is taken in its order by the workers of the caller's node.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: the backlog is full. -ESHUTDOWN: the pool is drained, and the caller is none of its workers. -EBUSY: the
 * task is under way. -EOVERFLOW: its group is full. -ENOMEM: the caller is a worker, and its queue cannot grow. -ECHILD: the
 * process is a forked child.
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
 * nw_task_wait - waits for one task
 *
 * As nw_group_wait() without a time-out. The task is the caller's again afterwards, its group is not: another wait for that
 * is needed.
 *
 * Returns: 0: it has run; -ECANCELED: it was cancelled; or a negative errno.
 *
 * Errors: -EDEADLK: the caller runs in the task itself. -ECHILD: the process is a forked child.
 */
int nw_task_wait(struct nw_task *task);

/*
 * nw_task_cancel - cancels a task that has not begun
 *
 * It stays in its queue until a worker comes upon it: its memory is the caller's again when it, or its group, was waited
 * for.
 *
 * Returns: 0: it will not run; -EBUSY: it runs or has run; -ECHILD: the process is a forked child.
 */
int nw_task_cancel(struct nw_task *task);

/*
 * nw_group_wait - waits until no task of a group is left
 *
 * A worker that waits runs tasks of this group meanwhile, and tasks that these wait for on their own stacks; never
 * others': these could take locks that the caller holds, or fill its stack. All other waiting looks on for 20 us and then
 * sleeps.
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
 * For epoll(7) and io_uring(7). To be asked for before the first task of the group is submitted; the same is returned again
 * afterwards. read(2) makes it unreadable for the next round. The caller closes it after the last wait for the group, which
 * is zeroed before it is used again.
 *
 * Returns: an eventfd(2) that does not block; or a negative errno.
 *
 * Errors: -EBUSY: tasks of the group are under way. -EMFILE and others of eventfd(2). -ECHILD: the process is a forked child.
 */
int nw_group_fd(struct nw_group *group);

/*
 * nw_for - runs a loop in parallel
 *
 * The caller takes part. Pieces are split off only when a worker is idle. Where more than four threads of a node that are
 * no workers are in loops at once, or the pool is drained, the caller does all of it.
 *
 * begin, end: the indices, end not included. grain: body is called with at least that many, but for the last; 0: 1.
 * body: gets begin and end of a piece, and context.
 *
 * Returns: 0; or -ECHILD in a forked child: then body was not called.
 */
int nw_for(struct nw_pool *pool, size_t begin, size_t end, size_t grain,
           void (*body)(size_t begin, size_t end, void *context), void *context);

/*
 * nw_join - runs two functions, in parallel where a worker has time
 *
 * For work that divides itself again and again. The caller runs first, and then second unless another worker has taken it;
 * then it waits as nw_group_wait() does. first must not wait for second. What ran so without being taken is no task in
 * nw_pool_stats(). Where more than four threads of a node that are no workers are in loops or here at once, or the pool is
 * drained, the caller runs both. Both have to return: by longjmp(3) or with an exception they must not.
 *
 * Returns: 0: both have run; or -ECHILD in a forked child: then neither was called.
 */
int nw_join(struct nw_pool *pool, void (*first)(void *context), void *first_context, void (*second)(void *context),
            void *second_context);

/*
 * nw_pool_idle - tells whether a pool has nothing to do
 *
 * Returns: 1: nothing is queued and nothing runs, for good once nw_pool_drain() has returned 0; 0: something may, since a
 * worker that looks for tasks counts until it sleeps; -ECHILD: the process is a forked child.
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
 * No other call with this pool may be under way. NULL does nothing.
 *
 * Returns: 0, or a negative errno as nw_pool_drain(); then nothing was freed, and the call is to be made again.
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
 * Errors: -EAGAIN: the window or the pool's backlog is full, and timeout_ns is 0. -ETIMEDOUT: it was so until the end.
 * -ESHUTDOWN: the map was ended, or the pool is drained. -ECHILD: the process is a forked child.
 *
 * Safety: one thread at a time.
 */
int nw_map_push(struct nw_map *map, void *item, int64_t timeout_ns);

/*
 * nw_map_next - takes the next result of a map
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EAGAIN: it is not there yet, and timeout_ns is 0. -ETIMEDOUT: it was not there until the end. -ENODATA: the map was ended, and all results are taken. -ECHILD: the process is a
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
 * Items that no worker has begun are not begun. Results that were not taken are lost. NULL does nothing.
 */
void nw_map_close(struct nw_map *map);

/* --- a pipe as the pool's door --- */

/*
 * nw_pool_pipe - opens a pipe through which tasks come to a pool
 *
 * For signal handlers, forked children and other languages: records of 16 bytes, the addresses of run and of the task. A
 * thread of its own reads them; a record whose task does not hold that run is ignored. Who can write to the pipe decides
 * what the process runs. A pool has one pipe, which nw_pool_close() closes.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ESHUTDOWN: the pool is drained. Those of pipe(2) and pthread_create(3). -ECHILD: the process is a forked child.
 */
int nw_pool_pipe(struct nw_pool *pool, int *ret_write_fd);

/*
 * nw_pipe_submit - gives a task to a pool through its pipe
 *
 * In a forked child the task runs in the parent, where it must have been before the fork.
 *
 * Returns: 0, or a negative errno of write(2).
 *
 * Errors: -EAGAIN: the pipe is full. -EBUSY, -EOVERFLOW: as nw_submit().
 *
 * Safety: any thread, signal handlers.
 */
int nw_pipe_submit(int write_fd, struct nw_task *task);

#ifdef __cplusplus
}
#endif

#endif
