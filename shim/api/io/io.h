/*
 * io: a loop as its files see it. Its operations are a table that is made once; each is free, or under way, and comes back
 * from the engine (reads and writes in io_uring) or by the list `ended` (tasks, and reads and writes by a pool's workers).
 *
 * A worker that ends a task pushes its operation to the list and wakes the owner if it sleeps. The owner says `asleep`
 * before it looks at the list the last time: of the two, one sees what the other did.
 */
#ifndef NODEWISE_SHIM_API_IO_IO_H
#define NODEWISE_SHIM_API_IO_IO_H

#include <stdalign.h>
#include <stdatomic.h>

#include "shim/api/io/engine.h"
#include "shim/api/pool/task.h"
#include "shim/nodewise-io.h"

struct operation {
    struct task_watch watch; /* the first: told when `task` is over */
    struct nw_io *io;
    struct operation *next;                                    /* in `free` or in `ended` */
    void (*done)(struct nw_io *io, int result, void *context); /* NULL: it is free */
    void *context;
    struct nw_task *task; /* that a pool has: the program's, or `own`; NULL: io_uring has the transfer */
    int result;           /* of what comes back by `ended` */
    struct io_transfer transfer;
    struct nw_task own; /* of threads.c: makes the transfer */
};

struct nw_io {
    /* with workers */
    alignas(128) _Atomic(struct operation *) ended; /* the last one first */
    atomic_bool asleep;
    atomic_uint telling; /* workers that still touch the loop */
    /* the owner's */
    alignas(128) const void *owner;
    const struct io_engine *engine;
    struct io_ring *ring;
    struct nw_got got;
    struct operation *free;
    unsigned entries, under_way, tasks; /* tasks: of those under way, those with `task` */
    bool running, closing;
    struct operation operations[];
};

/* Of a task of any pool, whose worker has just ended it. */
void io_tell(struct task_watch *watch, enum task_state how);

/* 0, -ECHILD, -EPERM: may the caller use the loop? */
int io_check(const struct nw_io *io);
/* Until something has ended: nw_io_run() without its checks. */
int io_run_until(struct nw_io *io, int64_t deadline);

/* The plug-in's table, opened by the first caller; NULL: there is none. Not signal-safe. */
const struct io_engine *io_plugin(void);

extern const struct io_engine io_threads;

#endif
