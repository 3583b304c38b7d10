/* The exchange of one process: there is no other to be reached. */
#include <errno.h>
#include <stdlib.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"

static int open_threads(struct nw_exchange *exchange, const char *name)
{
    (void)name;
    exchange->may_be_awake = wake_has_barrier();
    exchange->all = peers_make(exchange->peers, exchange->may_be_awake ? PEER_AWAKE : PEER_FENCED);
    return exchange->all ? 0 : -ENOMEM;
}

static void stop(struct nw_exchange *exchange)
{
    (void)exchange;
}

static void close_threads(struct nw_exchange *exchange)
{
    free(exchange->all);
    exchange->all = NULL;
}

static void tell_fd(struct nw_exchange *exchange, unsigned index, int fd)
{
    (void)exchange;
    (void)index;
    (void)fd;
}

const struct transport transport_threads = {
    .open = open_threads, .stop = stop, .close = close_threads, .tell_fd = tell_fd};
