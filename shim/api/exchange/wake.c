#include "shim/api/exchange/wake.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/api/exchange/shown.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"

static int barrier(int command)
{
    int saved = errno;
    long result = syscall(SYS_membarrier, command, 0, 0);
    errno = saved;
    return (int)result;
}

bool wake_has_barrier(void)
{
    return barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 && barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

/* Processes that share memory wake each other, too. */
static bool is_private(const struct nw_exchange *exchange)
{
    return !exchange->shared;
}

void wake_peer(const struct nw_exchange *exchange, struct peer *peer)
{
    unsigned armed = PEER_FENCED | PEER_ARMED;
    /* with wake_arm(): what was published is there before the peer is looked at */
    fence_all();
    if (atomic_load_explicit(&peer->sleep, memory_order_relaxed) != armed ||
        !atomic_compare_exchange_strong(&peer->sleep, &armed, PEER_FENCED))
        return;
    int fd = atomic_load(&exchange->own[peer - exchange->all->peer].fd);
    /* it may sleep in the futex, too; a full counter is readable all the same */
    futex_wake_for(is_private(exchange), &peer->sleep, 1);
    if (fd < 0)
        return;
    int saved = errno;
    const uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) < 0)
        errno = saved;
    errno = saved;
}

void wake_refused(const struct nw_exchange *exchange, struct peer *sender, struct ring *ring)
{
    fence_all();
    if (atomic_load_explicit(&ring->refused, memory_order_relaxed)) {
        atomic_store(&ring->refused, 0);
        wake_peer(exchange, sender);
    }
}

bool wake_arm(struct nw_exchange *exchange, struct peer *peer)
{
    bool is_certain = true;
    if (atomic_load_explicit(&peer->sleep, memory_order_relaxed) == PEER_AWAKE) {
        atomic_store(&peer->sleep, PEER_FENCED);
        /* who saw AWAKE has published before this returns; a filter may have come since it was tried */
        is_certain = library_may_place() && barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
        if (!is_certain)
            atomic_store(&exchange->may_be_awake, false);
    }
    atomic_store(&peer->sleep, PEER_FENCED | PEER_ARMED);
    fence_all();
    return is_certain;
}

void wake_disarm(struct peer *peer)
{
    atomic_store(&peer->sleep, PEER_FENCED);
}

int wake_sleep(const struct nw_exchange *exchange, struct peer *peer, int64_t deadline)
{
    return futex_wait_for(is_private(exchange), &peer->sleep, PEER_FENCED | PEER_ARMED, deadline);
}

void wake_calm(struct nw_worker *worker)
{
    struct nw_exchange *exchange = worker->exchange;
    struct peer *peer = worker->peer;
    shown_look(worker);
    /* armed, it is polled for */
    if (atomic_load(&exchange->may_be_awake) && atomic_load_explicit(&peer->sleep, memory_order_relaxed) == PEER_FENCED)
        atomic_store_explicit(&peer->sleep, PEER_AWAKE, memory_order_relaxed);
}
