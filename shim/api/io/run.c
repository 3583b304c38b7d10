/* The loop: what has ended is told to the program; where nothing has, it waits. */
#include <errno.h>

#include "shim/api/io/io.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/pool.h"
#include "shim/sys/again.h"

enum { BATCH = 64, FILTERED_NS = MOST_INTERRUPTIONS * 10000 };

/* --- tasks, by the worker that has ended one --- */

void io_tell(struct task_watch *watch, enum task_state how)
{
    struct operation *operation = (struct operation *)watch;
    struct nw_io *io = operation->io;
    if (how == TASK_ENDED_CANCELLED)
        operation->result = -ECANCELED;
    atomic_fetch_add(&io->telling, 1); /* with close_io(): the loop may end as soon as the operation is listed */
    struct operation *last = atomic_load_explicit(&io->ended, memory_order_relaxed);
    do
        operation->next = last;
    while (!atomic_compare_exchange_weak(&io->ended, &last, operation));
    if (atomic_load(&io->asleep) && atomic_exchange(&io->asleep, false))
        io->engine->wake(io->ring);
    atomic_fetch_sub(&io->telling, 1);
}

/* --- by the owner --- */

static void deliver(struct nw_io *io, struct operation *operation, int result)
{
    void (*done)(struct nw_io *, int, void *) = operation->done;
    io->tasks -= operation->task != NULL;
    io->under_way--;
    operation->task = NULL;
    operation->done = NULL;
    operation->next = io->free;
    io->free = operation;
    done(io, result, operation->context);
}

/* What workers have ended, in their order. */
static int deliver_ended(struct nw_io *io)
{
    struct operation *last = NULL, *first = NULL;
    int count = 0;
    if (atomic_load_explicit(&io->ended, memory_order_relaxed))
        last = atomic_exchange(&io->ended, NULL);
    while (last) {
        struct operation *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    for (; first; count++) {
        struct operation *operation = first;
        first = first->next;
        deliver(io, operation, operation->result);
    }
    return count;
}

static int64_t time_until(int64_t deadline)
{
    if (deadline == INT64_MAX)
        return -1;
    int64_t left = deadline - clock_now();
    return left > 0 ? left : 0;
}

/* Waits for the engine, and for workers where they have tasks. */
static int collect(struct nw_io *io, int64_t deadline, struct io_end *ret)
{
    atomic_store(&io->asleep, io->tasks != 0);
    bool has_ended = io->tasks && atomic_load(&io->ended);
    int count = io->engine->collect(io->ring, has_ended ? 0 : time_until(deadline), ret, BATCH);
    atomic_store(&io->asleep, false);
    return count;
}

/* A worker of the pool that has the tasks may be the only one. */
static bool run_one_here(struct nw_io *io)
{
    if (!io->tasks || !nw_pool_current())
        return false;
    for (unsigned i = 0; i < io->entries; i++)
        if (io->operations[i].task && task_run_here(io->operations[i].task))
            return true;
    return false;
}

/* One look at everything; waits where nothing has ended. How many have. */
static int look(struct nw_io *io, int64_t deadline)
{
    struct io_end ends[BATCH];
    int ended = deliver_ended(io);
    if (!ended && run_one_here(io))
        ended = deliver_ended(io);
    if (io->under_way == io->tasks && (ended || !io->under_way))
        return ended;
    int count = collect(io, ended ? 0 : deadline, ends);
    for (int i = 0; i < count; i++)
        deliver(io, ends[i].tag, ends[i].result);
    return ended ? ended + (count > 0 ? count : 0) : count;
}

/* Signals come now and then; a filter that answers with EINTR takes no time. */
static bool is_filtered(unsigned *interruptions, int64_t *since)
{
    if (++*interruptions % MOST_INTERRUPTIONS != 1)
        return false;
    int64_t before = *since;
    *since = clock_now();
    return *since - before < FILTERED_NS;
}

static int run(struct nw_io *io, int64_t deadline)
{
    unsigned interruptions = 0;
    int64_t since = INT64_MIN / 2;
    while (io->under_way) {
        int count = look(io, deadline);
        if (count > 0 || (count < 0 && (count != -EINTR || is_filtered(&interruptions, &since))))
            return count;
        if (deadline != INT64_MAX && clock_now() >= deadline && !atomic_load(&io->ended))
            return -ETIMEDOUT;
    }
    return 0;
}

int io_run_until(struct nw_io *io, int64_t deadline)
{
    io->running = true;
    int count = run(io, deadline);
    io->running = false;
    return count;
}

API int nw_io_run(struct nw_io *io, int64_t timeout_ns)
{
    int saved = errno;
    int count = io_check(io);
    if (count == 0)
        count = io->running ? -EDEADLK : io_run_until(io, clock_deadline(timeout_ns));
    errno = saved;
    return count;
}
