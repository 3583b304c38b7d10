/* Opening and closing a loop, and what is given to it. */
#include "shim/api/io/io.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/pool.h"
#include "shim/sys/fault.h"

enum { ENTRIES_MOST = 16384 };

static _Thread_local char self; /* its address is the thread */

int io_check(const struct nw_io *io)
{
    return library_is_forked() ? -ECHILD : io->owner == &self ? 0 : -EPERM;
}

/* --- opening --- */

/* 0; or why there is no io_uring: a negative errno, and the number of policy/reason.def. */
static int open_uring(struct nw_io *io, uint16_t *ret_reason)
{
    int error = (int)fault_of("io_uring_setup");
    *ret_reason = REASON_SANDBOXED;
    if (!library_may_place())
        return -EPERM;
    *ret_reason = REASON_NO_PLUGIN;
    if (error == 0 && !(io->engine = io_plugin()))
        return -ENOENT;
    if (error == 0)
        error = io->engine->open(io->entries, NULL, &io->ring);
    *ret_reason = kernel_reason(error);
    return error;
}

static int open_engine(struct nw_io *io, struct nw_pool *fallback)
{
    uint16_t reason;
    int error = open_uring(io, &reason);
    io->got = (struct nw_got){error == 0 ? NW_STRICT : NW_BEST_EFFORT, reason};
    if (error == 0 || !fallback)
        return error;
    io->engine = &io_threads;
    return io_threads.open(io->entries, fallback, &io->ring);
}

static void free_all(struct nw_io *io)
{
    for (unsigned i = io->entries; i-- > 0;) {
        io->operations[i].io = io;
        io->operations[i].watch.ended = io_tell;
        io->operations[i].next = io->free;
        io->free = &io->operations[i];
    }
}

static int open_io(unsigned entries, struct nw_pool *fallback, struct nw_io **ret)
{
    size_t size = sizeof(struct nw_io) + entries * sizeof(struct operation);
    size = (size + alignof(struct nw_io) - 1) / alignof(struct nw_io) * alignof(struct nw_io);
    struct nw_io *io = aligned_alloc(alignof(struct nw_io), size);
    if (!io)
        return -ENOMEM;
    memset(io, 0, size);
    io->entries = entries;
    io->owner = &self;
    int error = open_engine(io, fallback);
    if (error < 0) {
        free(io);
        return error;
    }
    free_all(io);
    *ret = io;
    return 0;
}

API int nw_io_open(unsigned entries, struct nw_pool *fallback, struct nw_io **ret)
{
    int saved = errno;
    int error = library_begin();
    if (error == 0)
        error = entries && entries <= ENTRIES_MOST ? open_io(entries, fallback, ret) : -EINVAL;
    errno = saved;
    return error;
}

API struct nw_got nw_io_got(const struct nw_io *io)
{
    return io->got;
}

/* --- what is given to it --- */

/* An operation that was free. It is taken before it begins: a worker may end it at once, and lists it elsewhere. */
static int take(struct nw_io *io, void (*done)(struct nw_io *, int, void *), void *context, struct operation **ret)
{
    int error = io_check(io);
    if (error == 0)
        error = !done ? -EINVAL : io->closing ? -ESHUTDOWN : io->free ? 0 : -EAGAIN;
    if (error < 0)
        return error;
    *ret = io->free;
    io->free = io->free->next;
    (*ret)->done = done;
    (*ret)->context = context;
    return 0;
}

/* Counts what has begun, or gives back what has not. Returns the error. */
static int begin_or_undo(struct nw_io *io, struct operation *operation, int error)
{
    if (error == 0) {
        io->under_way++;
        io->tasks += operation->task != NULL;
        return 0;
    }
    operation->done = NULL;
    operation->task = NULL;
    operation->next = io->free;
    io->free = operation;
    return error;
}

static int transfer(struct nw_io *io, const struct io_transfer *transfer, void (*done)(struct nw_io *, int, void *),
                    void *context)
{
    struct operation *operation;
    int saved = errno;
    int error = take(io, done, context, &operation);
    if (error == 0)
        error = begin_or_undo(io, operation, io->engine->start(io->ring, transfer, operation));
    errno = saved;
    return error;
}

API int nw_io_read(struct nw_io *io, int fd, void *data, uint32_t length, uint64_t offset,
                   void (*done)(struct nw_io *, int, void *), void *context)
{
    return transfer(io, &(struct io_transfer){fd, false, length, offset, data}, done, context);
}

API int nw_io_write(struct nw_io *io, int fd, const void *data, uint32_t length, uint64_t offset,
                    void (*done)(struct nw_io *, int, void *), void *context)
{
    /* the engine only reads it */
    return transfer(io, &(struct io_transfer){fd, true, length, offset, (void *)(uintptr_t)data}, done, context);
}

static int submit(struct nw_io *io, struct nw_pool *pool, struct nw_task *task, struct operation *operation)
{
    int error = io->engine->prepare_wake(io->ring);
    if (error < 0)
        return error;
    operation->result = 0;
    operation->task = task;
    return pool_submit(pool, task, &operation->watch);
}

API int nw_io_task(struct nw_io *io, struct nw_pool *pool, struct nw_task *task,
                   void (*done)(struct nw_io *, int, void *), void *context)
{
    struct operation *operation;
    int saved = errno;
    int error = take(io, done, context, &operation);
    if (error == 0)
        error = begin_or_undo(io, operation, submit(io, pool, task, operation));
    errno = saved;
    return error;
}

/* --- closing --- */

static void cancel_all(struct nw_io *io)
{
    for (unsigned i = 0; i < io->entries; i++) {
        struct operation *operation = &io->operations[i];
        if (!operation->done)
            continue;
        if (operation->task && operation->task != &operation->own)
            nw_task_cancel(operation->task);
        else
            io->engine->cancel(io->ring, operation);
    }
}

static int close_io(struct nw_io *io)
{
    int error = 0;
    if (io->running)
        return -EDEADLK;
    io->closing = true;
    cancel_all(io);
    while (io->under_way && error >= 0)
        error = io_run_until(io, INT64_MAX);
    if (error < 0)
        return error;
    while (atomic_load(&io->telling)) /* for the time of a system call */
        sched_yield();
    io->engine->close(io->ring);
    free(io);
    return 0;
}

API int nw_io_close(struct nw_io *io)
{
    int saved = errno;
    int error = io ? io_check(io) : 0;
    if (error == 0 && io)
        error = close_io(io);
    errno = saved;
    return error;
}
