/*
 * nw_for: lazy binary splitting (Tzannes, Caragea, Barua, Vishkin, PPoPP 2010). Who runs a range goes through it piece by
 * piece, and gives half of what is left to its deque only when a worker is idle and the deque is empty. So a loop that
 * nobody can help with costs one load a piece.
 *
 * Halves lie on the stack of who splits. It takes back those that nobody stole, and waits for the others.
 */
#include <errno.h>
#include <string.h>

#include "shim/api/library.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

/* Each split halves the range, so that there are never more than a number has bits, but for those taken back. */
enum { HALVES = 64 };

struct loop {
    struct nw_pool *pool;
    size_t grain;
    void (*body)(size_t, size_t, void *);
    void *context;
};

struct half {
    struct nw_task task; /* first: run_half() finds the half by it */
    const struct loop *loop;
    size_t begin, end;
};

static void run_range(struct worker *worker, const struct loop *loop, size_t begin, size_t end);

static void run_half(struct nw_task *task)
{
    struct half *half = (struct half *)(void *)task;
    run_range(worker_self(), half->loop, half->begin, half->end);
}

static bool is_worth_splitting(struct worker *worker, const struct loop *loop, size_t begin, size_t end)
{
    struct entry entry;
    return end - begin > loop->grain && atomic_load_explicit(&loop->pool->idle, memory_order_relaxed) &&
           !deque_peek(&worker->deque, &entry);
}

/* Where the second half begins: at a multiple of the grain from `begin`. */
static size_t middle(const struct loop *loop, size_t begin, size_t end)
{
    size_t pieces = (end - begin + loop->grain - 1) / loop->grain;
    return begin + (pieces + 1) / 2 * loop->grain;
}

static bool give(struct worker *worker, const struct loop *loop, struct half *half, struct nw_group *group,
                 size_t begin, size_t end)
{
    memset(half, 0, sizeof(*half));
    half->task.run = run_half;
    half->task.group = group;
    half->loop = loop;
    half->begin = begin;
    half->end = end;
    if (task_begin(&half->task, NULL) < 0)
        return false;
    if (worker_push(worker, &half->task) == 0)
        return true;
    task_begin_undo(&half->task);
    return false;
}

/* The half lies on top of the deque still: nobody has it, and it ends here as a task. */
static bool take_back(struct worker *worker, struct half *half, struct nw_group *group)
{
    struct entry entry;
    if (!deque_peek(&worker->deque, &entry) || entry.task != &half->task || !deque_pop(&worker->deque, &entry))
        return false;
    task_end(&half->task, group, TASK_DONE);
    return true;
}

static void run_range(struct worker *worker, const struct loop *loop, size_t begin, size_t end)
{
    struct half halves[HALVES];
    struct nw_group group = {{0}};
    unsigned count = 0;
    for (;;) {
        while (begin < end) {
            if (is_worth_splitting(worker, loop, begin, end) && count < HALVES) {
                size_t from = middle(loop, begin, end);
                if (give(worker, loop, &halves[count], &group, from, end)) {
                    count++;
                    end = from;
                }
            }
            size_t to = end - begin > loop->grain ? begin + loop->grain : end;
            loop->body(begin, to, loop->context);
            begin = to;
        }
        if (!count || !take_back(worker, &halves[count - 1], &group))
            break;
        count--;
        begin = halves[count].begin;
        end = halves[count].end;
    }
    if (count)
        nw_group_wait(&group, -1);
}

/* All guests are borrowed, or the pool is drained: the caller does it alone. */
static void run_alone(const struct loop *loop, size_t begin, size_t end)
{
    while (begin < end) {
        size_t to = end - begin > loop->grain ? begin + loop->grain : end;
        loop->body(begin, to, loop->context);
        begin = to;
    }
}

API int nw_for(struct nw_pool *pool, size_t begin, size_t end, size_t grain,
               void (*body)(size_t begin, size_t end, void *context), void *context)
{
    struct loop loop = {pool, grain ? grain : 1, body, context};
    if (library_is_forked())
        return -ECHILD;
    if (begin >= end)
        return 0;
    struct worker *before = worker_self(), *worker = pool_worker(pool);
    if (worker) {
        run_range(worker, &loop, begin, end);
        return 0;
    }
    struct worker *guest = pool_borrow_guest(pool);
    if (!guest) {
        run_alone(&loop, begin, end);
        return 0;
    }
    run_range(guest, &loop, begin, end);
    pool_return_guest(guest);
    worker_own = before;
    return 0;
}
