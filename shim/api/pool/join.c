/*
 * nw_join: two functions, the second of which another worker may take.
 *
 * A call costs little because most second halves are never seen by anyone else: they are frames in a list of the worker,
 * hidden. The oldest, which hold the most work, are open: they lie in the deque, where thieves find them (lazy task
 * creation: Mohr, Kranz, Halstead, IEEE TPDS 1991). While a worker is idle, or where the caller goes to sleep, all are open,
 * so that no worker idles beside hidden work for longer than it takes to come to the next call.
 *
 * Frames lie on the stack of who calls, and so does the group by which it waits for a half that was stolen.
 */
#include "shim/api/pool/join.h"

#include <errno.h>
#include <string.h>

#include "shim/api/library.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

/* How many a worker keeps open while all workers are busy: what these take next, when they are not. */
enum { OPEN = 4 };

struct join {
    void (*second)(void *context);
    void *context;
    struct join *older, *newer; /* of the hidden ones */
    bool is_open;
    struct nw_task task; /* from here on: once it is open */
    struct nw_group group;
};

static void run_second(struct nw_task *task)
{
    const struct join *join = (const struct join *)(void *)((char *)task - offsetof(struct join, task));
    join->second(join->context);
}

static void hide(struct worker *worker, struct join *join)
{
    join->is_open = false;
    join->newer = NULL;
    join->older = worker->newest_hidden;
    if (join->older)
        join->older->newer = join;
    else
        worker->oldest_hidden = join;
    worker->newest_hidden = join;
}

/* The newest: what was hidden later has ended. */
static void unhide(struct worker *worker, const struct join *join)
{
    worker->newest_hidden = join->older;
    if (join->older)
        join->older->newer = NULL;
    else
        worker->oldest_hidden = NULL;
}

/* false: there is none, or no memory to open it; it stays hidden. */
static bool open_oldest(struct worker *worker)
{
    struct join *join = worker->oldest_hidden;
    if (!join)
        return false;
    memset(&join->group, 0, sizeof(join->group));
    join->task = (struct nw_task){.run = run_second, .group = &join->group};
    join->is_open = true;
    worker->oldest_hidden = join->newer;
    if (join->newer)
        join->newer->older = NULL;
    else
        worker->newest_hidden = NULL;
    if (task_begin(&join->task, NULL) == 0 && worker_push(worker, &join->task) == 0)
        return true;
    join->is_open = false;
    worker->oldest_hidden = join;
    if (join->newer)
        join->newer->older = join;
    else
        worker->newest_hidden = join;
    return false;
}

void join_open_all(struct worker *worker)
{
    while (open_oldest(worker))
        ;
}

static void open_some(struct worker *worker)
{
    if (atomic_load_explicit(&worker->pool->idle, memory_order_relaxed))
        join_open_all(worker);
    else if (deque_count(&worker->deque) < OPEN)
        open_oldest(worker);
}

/* It lies on top of the deque still: no thief has it, and only this call waits for it. */
static bool take_back(struct worker *worker, const struct join *join)
{
    struct entry entry;
    return deque_peek(&worker->deque, &entry) && entry.task == &join->task && deque_pop(&worker->deque, &entry);
}

static inline void run_both(struct worker *worker, struct join *join, void (*first)(void *), void *context)
{
    hide(worker, join);
    open_some(worker);
    first(context);
    if (!join->is_open)
        unhide(worker, join);
    else if (!take_back(worker, join)) {
        nw_group_wait(&join->group, -1);
        return;
    }
    join->second(join->context);
}

static __attribute__((noinline)) void run_as_guest(struct nw_pool *pool, struct join *join, void (*first)(void *),
                                                   void *context)
{
    struct worker *before = worker_self(), *guest = pool_borrow_guest(pool);
    if (!guest) { /* all are borrowed, or the pool is drained */
        first(context);
        join->second(join->context);
        return;
    }
    run_both(guest, join, first, context);
    pool_return_guest(guest);
    worker_own = before;
}

API int nw_join(struct nw_pool *pool, void (*first)(void *context), void *first_context, void (*second)(void *context),
                void *second_context)
{
    if (library_is_forked())
        return -ECHILD;
    struct join join; /* not cleared: most of it is not used */
    join.second = second;
    join.context = second_context;
    struct worker *worker = pool_worker(pool);
    if (worker)
        run_both(worker, &join, first, first_context);
    else
        run_as_guest(pool, &join, first, first_context);
    return 0;
}
