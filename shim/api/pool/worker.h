/*
 * worker: the threads of a pool, what they hold and where they look for tasks.
 *
 * Looking: the own deque, the node's inbox, deques of the same L3, of the node; then, only after the worker has found
 * nothing for as long as it spins, deques and inboxes of the package and of other nodes by distance (policy/steal_order.h).
 *
 * A thread that is none of the pool's and takes part in a loop borrows a guest: a worker without a thread.
 *
 * Unless it says otherwise, a function is for the worker's own thread.
 */
#ifndef NODEWISE_SHIM_API_POOL_WORKER_H
#define NODEWISE_SHIM_API_POOL_WORKER_H

#include <pthread.h>

#include "policy/cpuset.h"
#include "policy/steal_order.h"
#include "shim/api/pool/deque.h"
#include "shim/api/pool/inbox.h"
#include "shim/api/pool/sleep.h"
#include "shim/nodewise-pool.h"

enum { GUESTS_PER_NODE = 4 };

/* The tasks that a thread is running, the innermost first: one that waits runs others on top. */
struct running {
    struct nw_task *task;
    struct nw_group *group;
    struct running *below;
};

/* Written by the worker alone, relaxed. As struct door_counts. */
struct worker_counts {
    _Atomic uint64_t run, stolen[4] /* by enum steal_tier */, slept, woken;
};

static inline void count(_Atomic uint64_t *counter, uint64_t number)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + number, memory_order_relaxed);
}

static inline uint64_t read_count(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void worker_counts_copy(struct worker_counts *to, const struct worker_counts *from)
{
    atomic_store_explicit(&to->run, read_count(&from->run), memory_order_relaxed);
    for (unsigned i = 0; i < sizeof(from->stolen) / sizeof(from->stolen[0]); i++)
        atomic_store_explicit(&to->stolen[i], read_count(&from->stolen[i]), memory_order_relaxed);
    atomic_store_explicit(&to->slept, read_count(&from->slept), memory_order_relaxed);
    atomic_store_explicit(&to->woken, read_count(&from->woken), memory_order_relaxed);
}

struct join;

struct worker {
    struct deque deque;
    struct join *newest_hidden, *oldest_hidden; /* join.c */
    struct leap leap;
    uintptr_t frame;      /* of the innermost function that runs tasks: their frames are below */
    atomic_uint activity; /* odd: may hold a task; even: holds none and takes none. Every change adds 1 */
    struct running *running;
    uint32_t tick, turn;
    uint32_t foreign; /* tasks that came with the last theft from another node's inbox and may be in the deque still */
    /* Tasks of that group that have run and are not counted yet: the next one is of the group, too (worker.c). */
    struct nw_group *left_group;
    unsigned left_count;
    _Atomic(struct worker_counts *) counts; /* own_counts, or a record of the segment (listed.h) */
    struct worker_counts own_counts;        /* where they are elsewhere: what stood there before this worker's first */
    uint32_t listed;                        /* its record there; 0: it has none */

    struct nw_pool *pool;
    uint32_t node;  /* of pool->nodes */
    uint32_t group; /* of pool->order */
    bool is_guest;
    atomic_bool borrowed; /* a guest: by a thread */
    pthread_t thread;
    struct cpuset mask;   /* asked for */
    unsigned laid_out_on; /* the kernel's node; with pool->places */
    struct nw_got got;
    int error; /* of its start */
    char name[16];
};

extern _Thread_local struct worker *worker_own;

/* The worker that the calling thread is, or NULL. */
static inline struct worker *worker_self(void)
{
    return worker_own;
}

void *worker_main(void *worker);
/* Runs a task that was taken from a queue. */
void worker_run(struct worker *worker, struct nw_task *task);
/* Puts a queued task into the own deque and has another worker look at it. 0 or -ENOMEM. */
int worker_push(struct worker *worker, struct nw_task *task);

/* --- steal.c --- */

/* A task from anywhere near, or with `far` from anywhere. NULL: none was found. */
struct nw_task *worker_look(struct worker *worker, bool far);
/* Is there anything that worker_look(worker, true) could find? Takes nothing. */
bool worker_sees_work(struct worker *worker);
/*
 * A task of the group, or with group NULL that task, wherever it is queued; or one that has to run before the group can
 * end (struct leap). thorough: also where it takes long to look.
 */
struct nw_task *worker_look_for(struct worker *worker, struct nw_group *group, struct nw_task *task, bool thorough);

/* Where the worker counts now. Its own thread, or one that reads. */
static inline struct worker_counts *worker_counts(const struct worker *worker)
{
    return atomic_load_explicit(&worker->counts, memory_order_relaxed);
}

#endif
