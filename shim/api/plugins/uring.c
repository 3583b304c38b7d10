/*
 * libnodewise-uring.so: io_uring as the engine of loops (io/engine.h), by liburing, which only this library is linked with.
 *
 * The owner sleeps in io_uring_enter(2). A worker wakes it with a message into its ring (IORING_OP_MSG_RING, Linux 5.18) from
 * a second ring that all workers share under a lock: of those that end a task only the first one after the owner fell asleep
 * comes here. Before Linux 5.18 the owner's ring reads an eventfd that the worker writes to.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shim/api/io/engine.h"

enum { SENDS_MOST = 1000, MESSAGES = 2, SECOND = 1000000000 };

enum bell { BELL_NONE, BELL_MESSAGE, BELL_EVENTFD };

struct io_ring {
    struct io_uring uring;
    enum bell bell;
    pthread_mutex_t lock;   /* of the workers' ring; innermost, held for a system call */
    struct io_uring sender; /* with BELL_MESSAGE */
    int eventfd;            /* with BELL_EVENTFD */
    bool is_read;           /* the read of it is under way */
    uint64_t count;         /* read from it */
};

/* --- transfers --- */

/* A free entry; those that the kernel has not got yet are given to it where they are in the way. */
static struct io_uring_sqe *next_entry(struct io_ring *ring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry && io_uring_submit(&ring->uring) > 0)
        entry = io_uring_get_sqe(&ring->uring);
    return entry;
}

static int start(struct io_ring *ring, const struct io_transfer *transfer, void *tag)
{
    struct io_uring_sqe *entry = next_entry(ring);
    if (!entry)
        return -EAGAIN;
    io_uring_prep_rw(transfer->is_write ? IORING_OP_WRITE : IORING_OP_READ, entry, transfer->fd, transfer->data,
                     transfer->length, transfer->offset);
    io_uring_sqe_set_data(entry, tag);
    return 0;
}

static void cancel(struct io_ring *ring, void *tag)
{
    struct io_uring_sqe *entry = next_entry(ring);
    if (!entry)
        return;
    io_uring_prep_cancel(entry, tag, 0);
    io_uring_sqe_set_data(entry, NULL);
}

static void read_eventfd(struct io_ring *ring)
{
    struct io_uring_sqe *entry = next_entry(ring);
    if (!entry)
        return;
    io_uring_prep_read(entry, ring->eventfd, &ring->count, sizeof(ring->count), 0);
    io_uring_sqe_set_data(entry, ring);
    ring->is_read = true;
}

/* Everything that the kernel has told, but for what is no transfer: ends of cancel() without a tag, and the bell. */
static int take(struct io_ring *ring, struct io_end *ret, unsigned room)
{
    struct io_uring_cqe *told;
    unsigned head, count = 0, taken = 0;
    io_uring_for_each_cqe(&ring->uring, head, told)
    {
        void *tag = io_uring_cqe_get_data(told);
        if (count == room)
            break;
        taken++;
        if (tag == ring)
            ring->is_read = false;
        else if (tag)
            ret[count++] = (struct io_end){tag, told->res};
    }
    io_uring_cq_advance(&ring->uring, taken);
    return (int)count;
}

static int enter(struct io_ring *ring, int64_t timeout_ns)
{
    struct io_uring_cqe *told;
    struct __kernel_timespec time = {timeout_ns / SECOND, timeout_ns % SECOND};
    if (timeout_ns == 0)
        return io_uring_submit_and_get_events(&ring->uring);
    int error = io_uring_submit_and_wait_timeout(&ring->uring, &told, 1, timeout_ns < 0 ? NULL : &time, NULL);
    return error == -ETIME ? 0 : error;
}

static int collect(struct io_ring *ring, int64_t timeout_ns, struct io_end *ret, unsigned room)
{
    if (ring->bell == BELL_EVENTFD && !ring->is_read)
        read_eventfd(ring);
    int error = enter(ring, timeout_ns);
    int count = take(ring, ret, room);
    return count || error >= 0 ? count : error;
}

/* --- waking --- */

/* Under the lock. 0, or why the kernel did not take the message. */
static int send_message(struct io_ring *ring)
{
    struct io_uring_cqe *told;
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->sender);
    if (entry) { /* else the one that was not taken before is still there */
        io_uring_prep_msg_ring(entry, ring->uring.ring_fd, 0, (uintptr_t)ring, 0);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    int error = io_uring_submit(&ring->sender);
    if (error >= 0 && io_uring_peek_cqe(&ring->sender, &told) == 0) {
        error = told->res;
        io_uring_cqe_seen(&ring->sender, told);
    }
    return error < 0 ? error : 0;
}

static void wake(struct io_ring *ring)
{
    const uint64_t one = 1;
    if (ring->bell == BELL_EVENTFD) {
        ssize_t written = write(ring->eventfd, &one, sizeof(one));
        (void)written; /* a counter of 2^64 - 1 is not reached */
        return;
    }
    pthread_mutex_lock(&ring->lock);
    /* refused only while the kernel is short of memory */
    for (unsigned sends = 0; send_message(ring) < 0 && sends < SENDS_MOST; sends++)
        sched_yield();
    pthread_mutex_unlock(&ring->lock);
}

/* Does a message come through? Older kernels refuse the operation, or the flag. */
static bool open_sender(struct io_ring *ring)
{
    if (io_uring_queue_init(MESSAGES, &ring->sender, 0) < 0)
        return false;
    if (send_message(ring) == 0)
        return true;
    io_uring_queue_exit(&ring->sender);
    return false;
}

static int prepare_wake(struct io_ring *ring)
{
    if (ring->bell != BELL_NONE)
        return 0;
    if (open_sender(ring)) {
        ring->bell = BELL_MESSAGE;
        return 0;
    }
    ring->eventfd = eventfd(0, EFD_CLOEXEC); /* one that does not block would not be waited for */
    if (ring->eventfd < 0)
        return -errno;
    ring->bell = BELL_EVENTFD;
    return 0;
}

/* --- opening --- */

/* The cheapest way that the kernel has: completions only when the one thread of the ring asks (Linux 6.1), or without
 * interrupting it (5.19). */
static int open_queues(unsigned entries, struct io_uring *ret)
{
    static const unsigned ways[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN,
                                    0};
    int error = -EINVAL;
    for (unsigned i = 0; error == -EINVAL && i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct io_uring_params parameters;
        memset(&parameters, 0, sizeof(parameters));
        parameters.flags = ways[i] | IORING_SETUP_CQSIZE;
        parameters.cq_entries = 2 * entries + MESSAGES; /* transfers, their cancellations, the bell */
        error = io_uring_queue_init_params(entries, ret, &parameters);
    }
    return error;
}

static int open_uring(unsigned entries, struct nw_pool *pool, struct io_ring **ret)
{
    (void)pool;
    struct io_ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    int error = open_queues(entries, &ring->uring);
    if (error == 0 && !(ring->uring.features & IORING_FEAT_EXT_ARG)) {
        io_uring_queue_exit(&ring->uring);
        error = -ENOSYS; /* before Linux 5.11 a wait with an end takes an entry */
    }
    if (error < 0) {
        free(ring);
        return error;
    }
    pthread_mutex_init(&ring->lock, NULL);
    *ret = ring;
    return 0;
}

static void close_uring(struct io_ring *ring)
{
    io_uring_queue_exit(&ring->uring);
    if (ring->bell == BELL_MESSAGE)
        io_uring_queue_exit(&ring->sender);
    if (ring->bell == BELL_EVENTFD)
        close(ring->eventfd);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

__attribute__((visibility("default"))) extern const struct io_engine nodewise_uring_engine;
const struct io_engine nodewise_uring_engine = {
    .version = IO_ENGINE_VERSION,
    .open = open_uring,
    .start = start,
    .cancel = cancel,
    .collect = collect,
    .prepare_wake = prepare_wake,
    .wake = wake,
    .close = close_uring,
};
