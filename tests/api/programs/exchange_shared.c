/*
 * One process with one worker of an exchange that processes share.
 *
 *   exchange_shared NAME PEERS MESSAGES [ROOM]   sends so many to every other worker, takes what they send, prints how many of
 *                                                each came, and ends when all have sent theirs or have left
 *   exchange_shared NAME PEERS poll              the same with 100 messages, waiting by a descriptor
 *   exchange_shared NAME PEERS open              prints what nw_exchange_open() answers
 */
#include <errno.h>
#include <nodewise.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

struct order {
    uint32_t from, number;
};
NW_CHANNEL(orders, struct order)

enum { PEERS = 64 };

static struct nw_exchange *exchange;
static struct nw_worker *worker;
static struct nw_channel *channel;
static uint32_t received[PEERS], sent[PEERS];
static unsigned peers, self;
static bool polls;

/* false: all others have left, and nothing is there. */
static bool take(void)
{
    const struct order *order;
    unsigned from;
    int error;
    while ((error = orders_receive(channel, &from, &order)) == 0) {
        CHECK(from < peers && order->from == from && order->number == received[from]);
        received[from]++;
    }
    CHECK(error == -EAGAIN || error == -EPIPE);
    return error == -EAGAIN;
}

static void wait_for_more(void)
{
    if (!polls) {
        CHECK(nw_wait(worker, -1) == 0);
        return;
    }
    struct pollfd asked = {nw_worker_fd(worker), POLLIN, 0};
    CHECK(asked.fd >= 0);
    while (nw_wait(worker, 0) == -ETIMEDOUT)
        CHECK(poll(&asked, 1, -1) == 1);
}

/* Sends each what has room. Returns whether there is more to send. */
static bool send_some(uint32_t messages)
{
    bool more = false;
    for (unsigned to = 0; to < peers; to++) {
        if (to == self)
            continue;
        for (; sent[to] < messages; sent[to]++) {
            const struct order order = {self, sent[to]};
            int error = orders_send(channel, to, &order);
            if (error == -EPIPE) {
                sent[to] = messages;
                break;
            }
            CHECK(error == 0 || error == -EAGAIN);
            if (error == -EAGAIN) {
                more = true;
                break;
            }
        }
    }
    return more;
}

static bool lacks_some(uint32_t messages)
{
    for (unsigned from = 0; from < peers; from++)
        if (from != self && received[from] < messages && nw_worker_peer(worker, from) != NW_PEER_LEFT)
            return true;
    return false;
}

/* Of what all processes have in memory, a closed exchange leaves neither a mapping nor a descriptor. */
static void check_that_nothing_is_left(void)
{
    char line[512], path[32];
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps))
        CHECK(!strstr(line, "/memfd:nodewise"));
    fclose(maps);
    for (int fd = 3; fd < 256; fd++) { /* each of a process that has a few rings */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        CHECK(readlink(path, line, sizeof(line)) < 0);
    }
}

int main(int argc, char **argv)
{
    struct nw_exchange_options options;
    memset(&options, 0, sizeof(options));
    CHECK(argc >= 4);
    options.size = sizeof(options);
    options.peers = peers = (unsigned)atoi(argv[2]);
    options.shared = argv[1];
    CHECK(peers <= PEERS);
    polls = !strcmp(argv[3], "poll");
    int error = nw_exchange_open(&options, &exchange);
    if (!strcmp(argv[3], "open")) {
        printf("%d\n", error);
        return nw_exchange_close(error ? NULL : exchange) ? 1 : 0;
    }
    uint32_t messages = polls ? 100 : (uint32_t)atoi(argv[3]), room = argc > 4 ? (uint32_t)atoi(argv[4]) : 16;
    CHECK(error == 0);
    CHECK(nw_exchange_join(exchange, -1, &worker) == 0);
    self = nw_worker_index(worker);
    CHECK(nw_channel_open(worker, 1, sizeof(struct order), room, &channel) == 0);
    printf("joined %u\n", self);
    fflush(stdout);
    bool more = true, others = true;
    while (others && ((more = send_some(messages)) || lacks_some(messages))) {
        others = take();
        if (others && (more || lacks_some(messages)))
            wait_for_more();
    }
    /* of one that left in the meantime there may be more than was looked at */
    while (others && take())
        if (lacks_some(messages))
            wait_for_more();
        else
            break;
    for (unsigned from = 0; from < peers; from++)
        if (from != self)
            printf("%u %u\n", from, received[from]);
    nw_worker_leave(worker);
    CHECK(nw_exchange_close(exchange) == 0);
    check_that_nothing_is_left();
    return 0;
}
