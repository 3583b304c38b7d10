/* Opening, joining, leaving and closing. */
#include "shim/api/exchange/exchange.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/words.h"
#include "shim/api/cpus.h"
#include "shim/api/exchange/of_policy.h"
#include "shim/api/exchange/shown.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

#define MEMORY_LIMIT ((size_t)256 << 20)
#define SPIN_US      20u

/* --- opening and closing --- */

struct peers *peers_make(unsigned count, unsigned sleep)
{
    size_t size = sizeof(struct peers) + count * sizeof(struct peer);
    struct peers *all = aligned_alloc(alignof(struct peers), size);
    if (!all)
        return NULL;
    memset(all, 0, size);
    for (unsigned i = 0; i < count; i++)
        atomic_init(&all->peer[i].sleep, sleep);
    return all;
}

static void dispose(struct nw_exchange *exchange)
{
    for (unsigned i = 0; exchange->own && i < exchange->peers; i++) {
        ring_memory_end(&exchange->own[i].store, &exchange->budget);
        pthread_mutex_destroy(&exchange->own[i].store.lock);
        /* not when its worker left: others may have been about to write to it */
        if (atomic_load(&exchange->own[i].fd) >= 0)
            close(atomic_load(&exchange->own[i].fd));
    }
    pthread_mutex_destroy(&exchange->lock);
    free(exchange->own);
    free(exchange);
}

/* NULL: there is none such. */
static const struct transport *find_transport(const struct nw_exchange_options *options)
{
    if (!options->transport)
        return options->shared ? &transport_shared : &transport_threads;
    return strcmp(options->transport, "mpi") == 0 && !options->shared ? &transport_hosts : NULL;
}

static void apply_policy(struct nw_exchange *exchange, const struct nw_exchange_options *options)
{
    struct door_exchange told;
    if (!exchange_of_policy(options, &told))
        return;
    if (told.spin_us != UINT32_MAX)
        exchange->spin_ns = (int64_t)told.spin_us * 1000;
    if (told.memory_limit)
        exchange->budget.limit = told.memory_limit;
    if (told.transport == TRANSPORT_MPI)
        exchange->transport = &transport_hosts;
    if (exchange->transport == &transport_threads) /* both ends of a ring must agree */
        exchange->ring = told.ring;
}

/* Where the transport finds the others. */
static const char *meeting_name(const struct nw_exchange *exchange, const struct nw_exchange_options *options)
{
    return exchange->transport == &transport_shared ? options->shared : exchange_name(options);
}

static int make(const struct nw_exchange_options *options, const struct transport *transport,
                struct nw_exchange **ret_exchange)
{
    struct nw_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange)
        return -ENOMEM;
    exchange->peers = options->peers;
    exchange->spin_ns = (int64_t)(options->spin_us ? options->spin_us : SPIN_US) * 1000;
    exchange->budget.limit = options->memory_limit ? options->memory_limit : MEMORY_LIMIT;
    exchange->transport = transport;
    exchange->own_count = options->peers;
    apply_policy(exchange, options);
    pthread_mutex_init(&exchange->lock, NULL);
    exchange->own = calloc(exchange->peers, sizeof(*exchange->own));
    for (unsigned i = 0; exchange->own && i < exchange->peers; i++) {
        atomic_init(&exchange->own[i].fd, -1);
        pthread_mutex_init(&exchange->own[i].store.lock, NULL);
    }
    const char *name = meeting_name(exchange, options);
    int error = exchange->own ? exchange->transport->open(exchange, name) : -ENOMEM;
    if (error) {
        dispose(exchange);
        return error;
    }
    shown_open(exchange, exchange_name(options));
    *ret_exchange = exchange;
    return 0;
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
    const struct transport *transport = find_transport(&copy);
    if (!copy.peers || copy.peers > EXCHANGE_PEERS || copy.mode > NW_HARD || !transport)
        return -EINVAL;
    error = make(&copy, transport, ret);
    errno = saved;
    return error;
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
    /* its thread makes more of what follows */
    exchange->transport->stop(exchange);
    while (exchange->agreements) {
        struct agreement *first = exchange->agreements;
        exchange->agreements = first->next;
        agreement_free(exchange, first);
    }
    shown_close(exchange);
    exchange->transport->close(exchange);
    dispose(exchange);
    errno = saved;
    return 0;
}

/* --- joining and leaving --- */

static void tell_all(struct nw_exchange *exchange, unsigned but)
{
    for (unsigned i = 0; i < exchange->peers; i++)
        if (i != but) {
            atomic_fetch_add(&exchange->all->peer[i].events, 1);
            rouse(exchange, &exchange->all->peer[i]);
        }
}

void peers_tell_own(struct nw_exchange *exchange)
{
    for (unsigned i = 0; i < exchange->peers; i++) {
        if (!peer_is_own(exchange, i))
            continue;
        atomic_fetch_add(&exchange->all->peer[i].events, 1);
        rouse(exchange, &exchange->all->peer[i]);
    }
}

void peers_end(struct nw_exchange *exchange, unsigned index, unsigned process)
{
    unsigned state = atomic_load(&exchange->all->peer[index].state);
    bool lived = peer_state(state) == NW_PEER_JOINED || peer_is_joining(state);
    if (lived && peer_process(state) == process &&
        atomic_compare_exchange_strong(&exchange->all->peer[index].state, &state, state_of(process, NW_PEER_LEFT)))
        atomic_fetch_add(&exchange->all->left, 1);
}

static int32_t own_node(void)
{
    int cpu = sched_getcpu();
    return cpu < 0 ? -1 : cpus_place((unsigned)cpu).node;
}

/* Other processes may join at the same time. */
static bool claim(struct nw_exchange *exchange, unsigned index)
{
    unsigned absent = NW_PEER_ABSENT;
    return atomic_compare_exchange_strong(&exchange->all->peer[index].state, &absent,
                                          state_of(exchange->process, PEER_JOINING));
}

static int claim_any(struct nw_exchange *exchange)
{
    for (unsigned i = 0; i < exchange->own_count; i++)
        if (claim(exchange, exchange->first_own + i))
            return (int)(exchange->first_own + i);
    return -ENOSPC;
}

static int claim_index(struct nw_exchange *exchange, int index)
{
    if (index < 0)
        return claim_any(exchange);
    if ((unsigned)index >= exchange->peers)
        return -EINVAL;
    if ((unsigned)index - exchange->first_own >= exchange->own_count)
        return -EBUSY;
    return claim(exchange, (unsigned)index) ? index : -EBUSY;
}

static int join(struct nw_exchange *exchange, struct nw_worker *worker, int index)
{
    pthread_mutex_lock(&exchange->lock);
    int found = claim_index(exchange, index);
    if (found >= 0) {
        struct peer *peer = &exchange->all->peer[found];
        *worker = (struct nw_worker){.exchange = exchange, .peer = peer, .index = (unsigned)found};
        atomic_store(&peer->node, own_node());
        worker->events = atomic_load(&peer->events);
        atomic_store(&peer->state, state_of(exchange->process, NW_PEER_JOINED));
        atomic_store(&exchange->own[worker->index].tid, (unsigned)syscall(SYS_gettid));
        exchange->living++;
    }
    pthread_mutex_unlock(&exchange->lock);
    if (found < 0)
        return found;
    shown_enter(worker);
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
    shown_leave(worker);
    pthread_mutex_lock(&exchange->lock);
    atomic_store(&worker->peer->state, state_of(exchange->process, NW_PEER_LEFT));
    for (struct agreement *each = exchange->agreements; each; each = each->next)
        arrivals_close(exchange, each, worker->index);
    pthread_mutex_unlock(&exchange->lock);
    /* with nw_receive(): who sees this number sees all that was sent before */
    atomic_fetch_add(&exchange->all->left, 1);
    tell_all(exchange, worker->index);
    free(worker);
    pthread_mutex_lock(&exchange->lock);
    exchange->living--;
    pthread_mutex_unlock(&exchange->lock);
    errno = saved;
}
