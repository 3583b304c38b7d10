/* What a worker is told, and how it waits. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shim/api/exchange/comm.h"
#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/shown.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/sys/spin.h"

enum { LOOKS_PER_CLOCK = 16, UNCERTAIN_NS = 1000000 };

API unsigned nw_worker_index(const struct nw_worker *worker)
{
    return worker->index;
}

API unsigned nw_worker_peers(const struct nw_worker *worker)
{
    return worker->exchange->peers;
}

API int nw_worker_peer(const struct nw_worker *worker, unsigned peer)
{
    if (peer >= worker->exchange->peers)
        return -EINVAL;
    return (int)peer_state(atomic_load(&worker->exchange->all->peer[peer].state));
}

API int nw_worker_error(const struct nw_worker *worker, const char **ret_words)
{
    const char *words = "";
    int error = worker->exchange->hosts ? comm_error(&words) : 0;
    if (ret_words)
        *ret_words = words;
    return error;
}

/* --- waiting --- */

static atomic_int *own_fd(const struct nw_worker *worker)
{
    return &worker->exchange->own[worker->index].fd;
}

/* Is there something to do? Wishes to wake, and workers that came or left, are told once. */
static bool is_told(struct nw_worker *worker)
{
    struct peer *peer = worker->peer;
    for (struct nw_channel *channel = worker->channels; channel; channel = channel->next)
        if (channel_tells(channel))
            return true;
    if (atomic_load_explicit(&peer->woken, memory_order_relaxed) && atomic_exchange(&peer->woken, 0))
        return true;
    unsigned events = atomic_load_explicit(&peer->events, memory_order_acquire);
    bool any = events != worker->events;
    worker->events = events;
    return any;
}

static bool is_told_soon(struct nw_worker *worker, int64_t deadline)
{
    int64_t spin = spin_time(worker->exchange->spin_ns), until = spin ? clock_now() + spin : 0;
    until = until < deadline ? until : deadline;
    for (unsigned looks = 1; spin; looks++) {
        if (is_told(worker))
            return true;
        if (looks % LOOKS_PER_CLOCK == 0 && clock_now() >= until)
            break;
        spin_once();
    }
    return false;
}

/* Once armed, whatever is published either is seen here or ends the sleep. */
static int sleep_until_told(struct nw_worker *worker, int64_t deadline, bool may_sleep)
{
    struct peer *peer = worker->peer;
    int error = 0;
    worker->passed = 0;
    for (;;) {
        bool is_certain = wake_arm(worker->exchange, peer);
        if (is_told(worker)) {
            wake_disarm(peer);
            return 0;
        }
        if (!may_sleep || error) {
            /* armed for the descriptor, which the program polls next */
            if (may_sleep || atomic_load(own_fd(worker)) < 0)
                wake_disarm(peer);
            else
                shown_look(worker);
            return -ETIMEDOUT;
        }
        worker->slept++;
        shown_look(worker);
        int64_t soon = is_certain ? INT64_MAX : clock_deadline(UNCERTAIN_NS);
        error = wake_sleep(worker->exchange, peer, soon < deadline ? soon : deadline);
        if (soon < deadline)
            error = 0;
    }
}

static void empty_fd(struct nw_worker *worker)
{
    uint64_t ignored;
    int fd = atomic_load_explicit(own_fd(worker), memory_order_relaxed);
    if (fd >= 0 && read(fd, &ignored, sizeof(ignored)) < 0)
        return; /* it was empty */
}

API int nw_wait(struct nw_worker *worker, int64_t timeout_ns)
{
    int saved = errno;
    if (library_is_forked())
        return -ECHILD;
    empty_fd(worker);
    if (atomic_load_explicit(&worker->peer->sleep, memory_order_relaxed) & PEER_ARMED)
        wake_disarm(worker->peer);
    for (struct nw_channel *channel = worker->channels; channel; channel = channel->next)
        channel_publish(channel);
    int error = 0;
    if (!is_told(worker)) {
        int64_t deadline = timeout_ns ? clock_deadline(timeout_ns) : 0;
        if (!timeout_ns || !is_told_soon(worker, deadline))
            error = sleep_until_told(worker, deadline, timeout_ns != 0);
    }
    errno = saved;
    return error;
}

API int nw_wake(struct nw_worker *worker, unsigned peer)
{
    if (peer >= worker->exchange->peers)
        return -EINVAL;
    struct peer *other = &worker->exchange->all->peer[peer];
    enum nw_peer state = peer_state(atomic_load(&other->state));
    if (state != NW_PEER_JOINED)
        return state == NW_PEER_LEFT ? -EPIPE : -EAGAIN;
    atomic_store(&other->woken, 1);
    rouse(worker->exchange, other);
    return 0;
}

API int nw_worker_fd(struct nw_worker *worker)
{
    int saved = errno;
    if (library_is_forked())
        return -ECHILD;
    int fd = atomic_load(own_fd(worker));
    if (fd < 0) {
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        fd = fd < 0 ? -errno : fd;
        if (fd >= 0)
            atomic_store(own_fd(worker), fd);
        if (fd >= 0)
            worker->exchange->transport->tell_fd(worker->exchange, worker->index, fd);
    }
    errno = saved;
    return fd;
}
