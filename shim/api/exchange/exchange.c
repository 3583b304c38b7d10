/* Opening, joining, leaving and closing. */
#include "shim/api/exchange/exchange.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/api/cpus.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

#define MEMORY_LIMIT ((size_t)256 << 20)
#define SPIN_US      20u

/* --- opening and closing --- */

static struct nw_exchange *make(const struct nw_exchange_options *options)
{
    size_t size = sizeof(struct nw_exchange) + options->peers * sizeof(struct peer);
    struct nw_exchange *exchange = aligned_alloc(alignof(struct nw_exchange), size);
    if (!exchange)
        return NULL;
    memset(exchange, 0, size);
    exchange->peers = options->peers;
    atomic_init(&exchange->may_be_awake, wake_has_barrier());
    exchange->spin_ns = (int64_t)(options->spin_us ? options->spin_us : SPIN_US) * 1000;
    exchange->budget.limit = options->memory_limit ? options->memory_limit : MEMORY_LIMIT;
    pthread_mutex_init(&exchange->lock, NULL);
    for (unsigned i = 0; i < exchange->peers; i++) {
        atomic_init(&exchange->peer[i].sleep, exchange->may_be_awake ? PEER_AWAKE : PEER_FENCED);
        atomic_init(&exchange->peer[i].fd, -1);
        pthread_mutex_init(&exchange->peer[i].store.lock, NULL);
    }
    return exchange;
}

API int nw_exchange_open(const struct nw_exchange_options *options, struct nw_exchange **ret)
{
    struct nw_exchange_options copy = {.size = sizeof(copy)};
    int saved = errno;
    int error = library_begin();
    if (error)
        return error;
    if (!options || options->size <= offsetof(struct nw_exchange_options, peers))
        return -EINVAL;
    memcpy(&copy, options, options->size < sizeof(copy) ? options->size : sizeof(copy));
    if (!copy.peers || copy.peers > EXCHANGE_PEERS || copy.mode > NW_HARD)
        return -EINVAL;
    struct nw_exchange *exchange = make(&copy);
    errno = saved;
    if (!exchange)
        return -ENOMEM;
    *ret = exchange;
    return 0;
}

API int nw_exchange_close(struct nw_exchange *exchange)
{
    int saved = errno;
    if (!exchange)
        return 0;
    int error = library_begin();
    if (error)
        return error;
    pthread_mutex_lock(&exchange->lock);
    unsigned living = exchange->living;
    pthread_mutex_unlock(&exchange->lock);
    if (living)
        return -EBUSY;
    while (exchange->agreements) {
        struct agreement *first = exchange->agreements;
        exchange->agreements = first->next;
        agreement_free(exchange, first);
    }
    for (unsigned i = 0; i < exchange->peers; i++) {
        ring_memory_end(&exchange->peer[i].store, &exchange->budget);
        /* not when its worker left: others may have been about to write to it */
        if (atomic_load(&exchange->peer[i].fd) >= 0)
            close(atomic_load(&exchange->peer[i].fd));
        pthread_mutex_destroy(&exchange->peer[i].store.lock);
    }
    pthread_mutex_destroy(&exchange->lock);
    free(exchange);
    errno = saved;
    return 0;
}

/* --- joining and leaving --- */

static void tell_all(struct nw_exchange *exchange, unsigned but)
{
    for (unsigned i = 0; i < exchange->peers; i++)
        if (i != but) {
            atomic_fetch_add(&exchange->peer[i].events, 1);
            rouse(&exchange->peer[i]);
        }
}

static int32_t own_node(void)
{
    int cpu = sched_getcpu();
    return cpu < 0 ? -1 : cpus_place((unsigned)cpu).node;
}

/* Under the lock. */
static int find_index(const struct nw_exchange *exchange, int index)
{
    if (index >= 0)
        return (unsigned)index >= exchange->peers                            ? -EINVAL
               : atomic_load(&exchange->peer[index].state) == NW_PEER_ABSENT ? index
                                                                             : -EBUSY;
    for (unsigned i = 0; i < exchange->peers; i++)
        if (atomic_load(&exchange->peer[i].state) == NW_PEER_ABSENT)
            return (int)i;
    return -ENOSPC;
}

static int join(struct nw_exchange *exchange, struct nw_worker *worker, int index)
{
    pthread_mutex_lock(&exchange->lock);
    int found = find_index(exchange, index);
    if (found >= 0) {
        struct peer *peer = &exchange->peer[found];
        *worker = (struct nw_worker){.exchange = exchange, .peer = peer, .index = (unsigned)found};
        peer->node = own_node();
        worker->events = atomic_load(&peer->events);
        atomic_store(&peer->state, NW_PEER_JOINED);
        exchange->living++;
    }
    pthread_mutex_unlock(&exchange->lock);
    if (found < 0)
        return found;
    tell_all(exchange, worker->index);
    return 0;
}

API int nw_exchange_join(struct nw_exchange *exchange, int index, struct nw_worker **ret)
{
    int saved = errno;
    int error = library_begin();
    struct nw_worker *worker = error ? NULL : calloc(1, sizeof(*worker));
    if (!error)
        error = worker ? join(exchange, worker, index < 0 ? -1 : index) : -ENOMEM;
    if (error)
        free(worker);
    else
        *ret = worker;
    errno = saved;
    return error;
}

API void nw_worker_leave(struct nw_worker *worker)
{
    int saved = errno;
    if (!worker || library_is_forked())
        return;
    struct nw_exchange *exchange = worker->exchange;
    while (worker->channels)
        channel_end(worker->channels);
    pthread_mutex_lock(&exchange->lock);
    atomic_store(&worker->peer->state, NW_PEER_LEFT);
    for (struct agreement *each = exchange->agreements; each; each = each->next)
        arrivals_close(exchange, each, worker->index);
    pthread_mutex_unlock(&exchange->lock);
    /* with nw_receive(): who sees this number sees all that was sent before */
    atomic_fetch_add(&exchange->left, 1);
    tell_all(exchange, worker->index);
    free(worker);
    pthread_mutex_lock(&exchange->lock);
    exchange->living--;
    pthread_mutex_unlock(&exchange->lock);
    errno = saved;
}
