/*
 * An exchange in which workers 0 and 1, 2 and 3 … send each other a message in turn, without end: exchange_pairs PEERS.
 * Now and then each sends one to all others, too.
 */
#include <errno.h>
#include <nodewise.h>

#include "check.h"

static void take_all(struct nw_channel *channel)
{
    const void *received;
    uint32_t length;
    unsigned from;
    while (nw_receive(channel, &from, &received, &length) == 0)
        ;
    nw_receive_end(channel);
}

static int hand_on(struct nw_worker *worker, void *context)
{
    unsigned partner = nw_worker_index(worker) ^ 1, from;
    struct nw_channel *channel, *rumours;
    const void *received;
    uint32_t length;
    uint64_t message = 0;
    CHECK(nw_channel_open(worker, 0, sizeof(message), 16, &channel) == 0);
    CHECK(nw_channel_open(worker, 1, sizeof(message), 16, &rumours) == 0);
    for (bool first = partner & 1;; first = true) {
        int error = -EAGAIN;
        while (first && (error = nw_send(channel, partner, &message, sizeof(message))) == -EAGAIN)
            nw_wait(worker, -1);
        CHECK(!first || error == 0);
        for (; (error = nw_receive(channel, &from, &received, &length)) == -EAGAIN; nw_wait(worker, -1))
            take_all(rumours);
        CHECK(error == 0 && from == partner);
        nw_receive_end(channel);
        if (++message % 64 == 0)
            nw_broadcast(rumours, &message, sizeof(message));
    }
    (void)context;
    return 0;
}

int main(int argc, char **argv)
{
    struct nw_exchange_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.peers = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    options.name = "pairs";
    return nw_exchange_run(&options, hand_on, NULL, NULL) < 0;
}
