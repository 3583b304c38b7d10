/*
 * The engine without io_uring: a transfer is a task of its own in the pool, whose worker reads or writes and may sleep in
 * that. Ends come by the loop's list of tasks, so collect() has none; it sleeps on a word.
 *
 * A read of a pipe may last for ever. Its worker polls for the pipe and for a descriptor that says that the loop is closed.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/api/io/io.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/pool.h"
#include "shim/sys/again.h"

struct io_ring {
    atomic_uint woken;
    int closed_fd; /* readable once the loop is being closed */
    struct nw_pool *pool;
};

/* --- in a worker --- */

static ssize_t move_at_offset(const struct io_transfer *transfer)
{
    return transfer->is_write ? pwrite(transfer->fd, transfer->data, transfer->length, (off_t)transfer->offset)
                              : pread(transfer->fd, transfer->data, transfer->length, (off_t)transfer->offset);
}

static ssize_t move_at_position(const struct io_transfer *transfer, int flags)
{
    struct iovec bytes = {transfer->data, transfer->length};
    return transfer->is_write ? pwritev2(transfer->fd, &bytes, 1, -1, flags)
                              : preadv2(transfer->fd, &bytes, 1, -1, flags);
}

/* false: the loop is being closed. */
static bool wait_until_ready(const struct io_ring *ring, const struct io_transfer *transfer)
{
    struct pollfd fds[] = {{.fd = transfer->fd, .events = transfer->is_write ? POLLOUT : POLLIN},
                           {.fd = ring->closed_fd, .events = POLLIN}};
    unsigned interruptions = 0;
    while (poll(fds, 2, -1) < 0)
        if (!call_again(&interruptions))
            return true; /* the call itself says what is wrong */
    return fds[0].revents || !fds[1].revents;
}

static bool is_stream(int fd)
{
    return lseek(fd, 0, SEEK_CUR) < 0 && errno == ESPIPE;
}

static int move(const struct io_ring *ring, const struct io_transfer *transfer)
{
    bool at_position = transfer->offset == NW_IO_POSITION;
    int flags = at_position && is_stream(transfer->fd) ? RWF_NOWAIT : 0;
    for (unsigned interruptions = 0;;) {
        if (at_position && !wait_until_ready(ring, transfer))
            return -ECANCELED;
        ssize_t bytes = at_position ? move_at_position(transfer, flags) : move_at_offset(transfer);
        if (bytes >= 0)
            return (int)bytes;
        if (errno == ESPIPE && !at_position) {
            at_position = true; /* io_uring ignores the offset of what has none */
            flags = RWF_NOWAIT;
        } else if (flags && errno == EOPNOTSUPP) {
            flags = 0; /* pipes before Linux 6.4 */
        } else if (!(flags && errno == EAGAIN) /* another reader has had it */ && !call_again(&interruptions)) {
            return -errno;
        }
    }
}

static void run(struct nw_task *task)
{
    struct operation *operation = (struct operation *)(void *)((char *)task - offsetof(struct operation, own));
    operation->result = move(operation->io->ring, &operation->transfer);
}

/* --- in the loop's thread --- */

static int open_threads(unsigned entries, struct nw_pool *pool, struct io_ring **ret)
{
    (void)entries;
    struct io_ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    ring->pool = pool;
    ring->closed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->closed_fd < 0) {
        int error = -errno;
        free(ring);
        return error;
    }
    *ret = ring;
    return 0;
}

static int start(struct io_ring *ring, const struct io_transfer *transfer, void *tag)
{
    struct operation *operation = tag;
    operation->transfer = *transfer;
    operation->own = (struct nw_task){.run = run};
    operation->task = &operation->own;
    return pool_submit(ring->pool, &operation->own, &operation->watch);
}

static void cancel(struct io_ring *ring, void *tag)
{
    struct operation *operation = tag;
    const uint64_t one = 1;
    nw_task_cancel(&operation->own);
    ssize_t written = write(ring->closed_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

static int collect(struct io_ring *ring, int64_t timeout_ns, struct io_end *ret, unsigned room)
{
    (void)ret;
    (void)room;
    int64_t deadline = timeout_ns ? clock_deadline(timeout_ns) : 0;
    int error = 0;
    while (!atomic_exchange(&ring->woken, 0) && timeout_ns && error == 0)
        error = futex_wait(&ring->woken, 0, deadline);
    return 0;
}

static int prepare_wake(struct io_ring *ring)
{
    (void)ring;
    return 0;
}

static void wake(struct io_ring *ring)
{
    atomic_store(&ring->woken, 1);
    futex_wake(&ring->woken, 1);
}

static void close_threads(struct io_ring *ring)
{
    close(ring->closed_fd);
    free(ring);
}

const struct io_engine io_threads = {
    .version = IO_ENGINE_VERSION,
    .open = open_threads,
    .start = start,
    .cancel = cancel,
    .collect = collect,
    .prepare_wake = prepare_wake,
    .wake = wake,
    .close = close_threads,
};
