/*
 * nodewise-io.h: reads, writes and tasks of pools that end in one loop. nodewise.h includes it; the rules that its first
 * comment gives hold here, too.
 *
 * Reads and writes go to the kernel's io_uring(7). Where the kernel, a filter or a missing plug-in forbids it, workers of a
 * pool make them. What a program sees is the same, and nw_io_got() tells which it is.
 *
 * A loop belongs to the thread that opened it: all functions but nw_io_got() answer -EPERM to others. Nothing is allocated
 * after nw_io_open().
 */
#ifndef NODEWISE_IO_H
#define NODEWISE_IO_H

#include "nodewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- files and tasks in one loop --- */

struct nw_io;
struct nw_pool;
struct nw_task;

/* An offset: at the descriptor's own position, which moves on, as read(2) has it. For pipes and sockets, too. */
#define NW_IO_POSITION UINT64_MAX

/*
 * nw_io_open - opens a loop
 *
 * entries: how many reads, writes and tasks may be under way, 1 to 16,384.
 * fallback: the pool whose workers read and write where there is no io_uring; it is not closed before the loop. NULL: that
 * is an error then.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: there are no or too many entries. -ENOMEM: memory is short. -EMFILE: no descriptor is free. -ECHILD: the
 * process is a forked child. Without a fallback also -EPERM: the kernel or a filter forbids io_uring. -ENOSYS: it has none,
 * or one before Linux 5.11. -ENOENT: libnodewise-uring.so, beside this library, or liburing cannot be opened. Others of
 * io_uring_setup(2).
 */
int nw_io_open(unsigned entries, struct nw_pool *fallback, struct nw_io **ret);

/*
 * nw_io_got - tells whether a loop has io_uring
 *
 * Returns: NW_STRICT: it has. NW_BEST_EFFORT: workers of the pool read and write, and nw_reason() has the reason's sentence.
 *
 * Safety: any thread.
 */
struct nw_got nw_io_got(const struct nw_io *io);

/*
 * nw_io_read - reads from a file, a pipe or a socket
 *
 * The read begins at the next nw_io_run(), or before. Those that are under way at once have no order.
 *
 * data: length bytes, which are the library's until done is called.
 * offset: in bytes from the file's begin; NW_IO_POSITION: where the descriptor is. Pipes and sockets ignore it.
 * done: called once, by nw_io_run() or nw_io_close(). Its result is the number of bytes, which may be smaller than length;
 * 0: the file has ended; or a negative errno of read(2); -ECANCELED: the loop was closed. It may start further ones.
 *
 * Returns: 0, or a negative errno; then done is not called.
 *
 * Errors: -EAGAIN: as many are under way as may be. -EINVAL: done is NULL. -ESHUTDOWN: the loop is being closed. -EPERM: the
 * loop is another thread's. -ECHILD: the process is a forked child. Without io_uring also those of nw_submit().
 *
 * Safety: the thread that opened the loop.
 */
int nw_io_read(struct nw_io *io, int fd, void *data, uint32_t length, uint64_t offset,
               void (*done)(struct nw_io *io, int result, void *context), void *context);

/*
 * nw_io_write - writes to a file, a pipe or a socket
 *
 * As nw_io_read(). data must not change until done is called. Without io_uring and before Linux 6.4, a write to a full pipe
 * keeps its worker until the pipe is read, and so does a read whose data another reader has taken.
 *
 * Returns: 0, or a negative errno as nw_io_read().
 *
 * Safety: the thread that opened the loop.
 */
int nw_io_write(struct nw_io *io, int fd, const void *data, uint32_t length, uint64_t offset,
                void (*done)(struct nw_io *io, int result, void *context), void *context);

/*
 * nw_io_task - gives a task to a pool and is told in the loop when it is over
 *
 * As nw_submit(). The task is the library's until done is called.
 *
 * done: its result is 0, or -ECANCELED: the task was cancelled and has not run.
 *
 * Returns: 0, or a negative errno; then done is not called.
 *
 * Errors: those of nw_submit(). -EAGAIN also: as many are under way as may be. -EINVAL: done is NULL. -ESHUTDOWN: the loop is
 * being closed, or the pool is drained. -EPERM: the loop is another thread's. -EMFILE: no descriptor is free.
 *
 * Safety: the thread that opened the loop.
 */
int nw_io_task(struct nw_io *io, struct nw_pool *pool, struct nw_task *task,
               void (*done)(struct nw_io *io, int result, void *context), void *context);

/*
 * nw_io_run - waits until something has ended, and calls its functions
 *
 * A caller that is a worker runs tasks of the loop while it waits for them, and no others.
 *
 * timeout_ns: in nanoseconds; 0: does not wait; below 0: forever.
 *
 * Returns: how many have ended, at least 1; 0: nothing is under way; or a negative errno.
 *
 * Errors: -ETIMEDOUT: none has ended. -EDEADLK: a done function of the loop, or a task that the loop runs, calls it. -EPERM:
 * the loop is another thread's. -ECHILD: the process is a forked child. Others of io_uring_enter(2).
 *
 * Safety: the thread that opened the loop.
 */
int nw_io_run(struct nw_io *io, int64_t timeout_ns);

/*
 * nw_io_close - cancels what is under way, waits for its end, and frees the loop
 *
 * All done functions are called before it returns. Tasks that have begun are waited for, and so are reads and writes that
 * the kernel cannot give up, as those of files. NULL does nothing.
 *
 * Returns: 0, or a negative errno; then nothing was freed.
 *
 * Errors: -EDEADLK, -EPERM, -ECHILD and others: as nw_io_run().
 *
 * Safety: the thread that opened the loop.
 */
int nw_io_close(struct nw_io *io);

#ifdef __cplusplus
}
#endif

#endif
