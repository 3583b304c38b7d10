/* An exchange in one process: order, bounds, broadcasts, waiting, leaving, limits. */
#include <errno.h>
#include <nodewise.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct order {
    uint32_t from, number;
};
NW_CHANNEL(orders, struct order)

static struct nw_exchange *open_exchange(unsigned peers, size_t memory_limit)
{
    struct nw_exchange *exchange = NULL;
    struct nw_exchange_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.peers = peers;
    options.memory_limit = memory_limit;
    CHECK(nw_exchange_open(&options, &exchange) == 0);
    return exchange;
}

static int run(unsigned peers, int (*function)(struct nw_worker *, void *), void *context, int *results)
{
    struct nw_exchange_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.peers = peers;
    return nw_exchange_run(&options, function, context, results);
}

/* --- from each to each --- */

enum { WORKERS = 8, MESSAGES = 20000 };

static void send_or_wait(struct nw_worker *worker, struct nw_channel *channel, unsigned to, const struct order *order,
                         uint32_t *received);

/* Takes what there is; each sender's messages come in their order. */
static void take(struct nw_channel *channel, uint32_t *received)
{
    const struct order *order;
    unsigned from;
    while (orders_receive(channel, &from, &order) == 0) {
        CHECK(order->from == from && order->number == received[from]);
        received[from]++;
        nw_receive_end(channel);
    }
}

static void send_or_wait(struct nw_worker *worker, struct nw_channel *channel, unsigned to, const struct order *order,
                         uint32_t *received)
{
    int error;
    while ((error = orders_send(channel, to, order)) == -EAGAIN) {
        take(channel, received);
        CHECK(nw_wait(worker, -1) == 0);
    }
    CHECK(error == 0);
}

static int from_each_to_each(struct nw_worker *worker, void *context)
{
    unsigned peers = nw_worker_peers(worker), self = nw_worker_index(worker);
    uint32_t room = *(const uint32_t *)context, received[WORKERS] = {0};
    struct nw_channel *channel = NULL;
    CHECK(nw_channel_open(worker, 1, sizeof(struct order), room, &channel) == 0);
    for (uint32_t number = 0; number < MESSAGES; number++)
        for (unsigned to = 0; to < peers; to++) {
            struct order order = {self, number};
            send_or_wait(worker, channel, to, &order, received);
        }
    for (unsigned from = 0; from < peers; from++)
        while (received[from] < MESSAGES) {
            take(channel, received);
            if (received[from] < MESSAGES)
                CHECK(nw_wait(worker, -1) == 0);
        }
    nw_channel_close(channel);
    return (int)self;
}

static void all_arrives_in_its_order(void)
{
    for (uint32_t room = 1; room <= 1024; room *= 32) {
        int results[WORKERS];
        CHECK(run(WORKERS, from_each_to_each, &room, results) == WORKERS);
        for (int i = 0; i < WORKERS; i++)
            CHECK(results[i] == i);
    }
}

/* --- one thread has several workers: steps are in the test's hands --- */

struct pair {
    struct nw_exchange *exchange;
    struct nw_worker *worker[2];
    struct nw_channel *channel[2];
};

static struct pair open_pair(uint32_t message_size, uint32_t room)
{
    struct pair pair;
    pair.exchange = open_exchange(2, 0);
    for (int i = 0; i < 2; i++) {
        CHECK(nw_exchange_join(pair.exchange, -1, &pair.worker[i]) == 0);
        CHECK(nw_worker_index(pair.worker[i]) == (unsigned)i);
        CHECK(nw_channel_open(pair.worker[i], 7, message_size, room, &pair.channel[i]) == 0);
    }
    return pair;
}

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++)
        nw_worker_leave(pair->worker[i]);
    CHECK(nw_exchange_close(pair->exchange) == 0);
}

static void the_bound_is_the_number_asked_for(void)
{
    const unsigned char bytes[64] = {1};
    for (uint32_t size = 1; size <= 64; size += 21)
        for (uint32_t room = 1; room < 10; room++) {
            struct pair pair = open_pair(size, room);
            for (int turn = 0; turn < 25; turn++) {
                const void *message;
                uint32_t length;
                unsigned from;
                for (uint32_t i = 0; i < room; i++)
                    CHECK(nw_send(pair.channel[0], 1, bytes, size) == 0);
                CHECK(nw_send(pair.channel[0], 1, bytes, size) == -EAGAIN);
                uint32_t taken = turn % 2 ? room : (room + 1) / 2;
                for (uint32_t i = 0; i < taken; i++)
                    CHECK(nw_receive(pair.channel[1], &from, &message, &length) == 0 && length == size);
                nw_receive_end(pair.channel[1]);
                for (uint32_t i = 0; i < taken; i++)
                    CHECK(nw_send(pair.channel[0], 1, bytes, size) == 0);
                CHECK(nw_send(pair.channel[0], 1, bytes, size) == -EAGAIN);
                while (nw_receive(pair.channel[1], &from, &message, &length) == 0)
                    ;
            }
            CHECK(nw_send(pair.channel[0], 1, bytes, size + 1) == -EMSGSIZE);
            close_pair(&pair);
        }
}

/* Two workers whose rings are filled up after each message: neither waits for more than what was seen of the other. */
static void rings_are_read_in_turn(uint32_t message_size, bool ends)
{
    enum { SEEN = 4 };
    const uint32_t room = message_size ? SEEN : SEEN * 16;
    struct nw_exchange *exchange = open_exchange(3, 0);
    struct nw_worker *worker[3];
    struct nw_channel *channel[3];
    unsigned in_a_row = 0, last = 2;
    for (int i = 0; i < 3; i++) {
        CHECK(nw_exchange_join(exchange, i, &worker[i]) == 0);
        CHECK(nw_channel_open(worker[i], 7, message_size, room, &channel[i]) == 0);
    }
    for (int turn = 0; turn < 1000; turn++) {
        const void *message;
        uint32_t length;
        unsigned from;
        for (unsigned i = 0; i < 2; i++)
            while (nw_send(channel[i], 2, "message", 8) == 0)
                ;
        CHECK(nw_receive(channel[2], &from, &message, &length) == 0 && length == 8);
        CHECK(memcmp(message, "message", 8) == 0);
        if (ends)
            nw_receive_end(channel[2]);
        in_a_row = from == last ? in_a_row + 1 : 1;
        CHECK(in_a_row <= SEEN);
        last = from;
    }
    for (int i = 0; i < 3; i++)
        nw_worker_leave(worker[i]);
    CHECK(nw_exchange_close(exchange) == 0);
}

/* Of three senders one ends, and its ring goes: what another one sent is seen at the next look all the same. */
static void a_ring_that_ends_hides_no_other(void)
{
    enum { ENDS, SENDS, IDLES, RECEIVES, ALL };
    struct nw_exchange *exchange = open_exchange(ALL, 0);
    struct nw_worker *worker[ALL];
    struct nw_channel *channel[ALL];
    const void *message;
    uint32_t length;
    unsigned from;
    for (int i = 0; i < ALL; i++) {
        CHECK(nw_exchange_join(exchange, i, &worker[i]) == 0);
        CHECK(nw_channel_open(worker[i], 7, 8, 4, &channel[i]) == 0);
    }
    for (int i = IDLES; i >= ENDS; i--) /* the last one that comes is looked at first */
        CHECK(nw_send(channel[i], RECEIVES, "message", 8) == 0);
    for (int i = ENDS; i <= IDLES; i++)
        CHECK(nw_receive(channel[RECEIVES], &from, &message, &length) == 0 && from == (unsigned)i);
    /* so that the next look begins behind it, with the ring that takes the place of the one that ends */
    CHECK(nw_send(channel[SENDS], RECEIVES, "message", 8) == 0);
    CHECK(nw_receive(channel[RECEIVES], &from, &message, &length) == 0 && from == SENDS);
    nw_channel_close(channel[ENDS]);
    CHECK(nw_send(channel[SENDS], RECEIVES, "another", 8) == 0);
    CHECK(nw_receive(channel[RECEIVES], &from, &message, &length) == 0 && from == SENDS);
    for (int i = 0; i < ALL; i++)
        nw_worker_leave(worker[i]);
    CHECK(nw_exchange_close(exchange) == 0);
}

/* Each message of a length of its own, filled with its number; whatever has room arrives whole. */
static void lengths_of_their_own_arrive_whole(void)
{
    enum { ROOM = 256 };
    struct pair pair = open_pair(0, ROOM);
    uint32_t sent = 0, received = 0, seed = 1;
    while (received < 100000) {
        uint32_t length = (seed = seed * 1103515245 + 12345) >> 16 & 0x7fff;
        length = length % (ROOM - 8 + 1);
        void *at = NULL;
        int error = nw_send_begin(pair.channel[0], 1, length, &at);
        if (error == 0) {
            memset(at, (int)(sent & 0xff), length);
            CHECK(nw_send_end(pair.channel[0], 1, sent % 3 == 0) == 0);
            sent++;
            continue;
        }
        CHECK(error == -EAGAIN);
        nw_flush(pair.channel[0]);
        const unsigned char *message;
        const void *data;
        uint32_t got;
        unsigned from;
        while (nw_receive(pair.channel[1], &from, &data, &got) == 0) {
            message = (const unsigned char *)data;
            for (uint32_t i = 0; i < got; i++)
                CHECK(message[i] == (received & 0xff));
            received++;
        }
        CHECK(received == sent); /* a ring that is empty has room for the next */
    }
    CHECK(nw_send(pair.channel[0], 1, pair.channel, ROOM - 7) == -EMSGSIZE);
    close_pair(&pair);
}

static void what_is_not_flushed_is_seen_at_a_wait(void)
{
    struct pair pair = open_pair(8, 64);
    const void *message;
    uint32_t length;
    unsigned from;
    void *at = NULL;
    CHECK(nw_send_end(pair.channel[0], 1, true) == -EINVAL);
    CHECK(nw_send_begin(pair.channel[0], 1, 8, &at) == 0);
    memcpy(at, "message", 8);
    CHECK(nw_send_end(pair.channel[0], 1, false) == 0);
    CHECK(nw_receive(pair.channel[1], &from, &message, &length) == -EAGAIN);
    while (nw_wait(pair.worker[0], 0) == 0)
        ;
    CHECK(nw_receive(pair.channel[1], &from, &message, &length) == 0);
    CHECK(from == 0 && length == 8 && memcmp(message, "message", 8) == 0);
    close_pair(&pair);
}

/* --- joining and leaving --- */

static void workers_come_and_go(void)
{
    struct nw_exchange *exchange = open_exchange(3, 0);
    struct nw_worker *first = NULL, *second = NULL, *third = NULL;
    struct nw_channel *ours = NULL, *theirs = NULL;
    const struct order order = {0, 1}, *received;
    unsigned from;
    CHECK(nw_exchange_join(exchange, 3, &first) == -EINVAL);
    CHECK(nw_exchange_join(exchange, 1, &first) == 0);
    CHECK(nw_exchange_join(exchange, 1, &second) == -EBUSY);
    CHECK(nw_exchange_close(exchange) == -EBUSY);
    CHECK(nw_worker_peer(first, 0) == NW_PEER_ABSENT && nw_worker_peer(first, 3) == -EINVAL);
    CHECK(nw_channel_open(first, 5, sizeof(order), 4, &ours) == 0);
    CHECK(nw_channel_open(first, 5, sizeof(order), 4, &theirs) == -EBUSY);
    CHECK(nw_channel_open(first, 6, 0, 0, &theirs) == -EINVAL);
    CHECK(nw_wake(first, 0) == -EAGAIN);
    /* who sends to one that has not come is told when it comes */
    CHECK(orders_send(ours, 0, &order) == -EAGAIN);
    CHECK(nw_wait(first, 0) == -ETIMEDOUT);
    CHECK(nw_exchange_join(exchange, -1, &second) == 0 && nw_worker_index(second) == 0);
    CHECK(nw_wait(first, -1) == 0 && nw_worker_peer(first, 0) == NW_PEER_JOINED);
    CHECK(orders_send(ours, 0, &order) == 0);
    CHECK(nw_channel_open(second, 5, sizeof(order), 5, &theirs) == -EEXIST);
    CHECK(nw_channel_open(second, 5, sizeof(order), 4, &theirs) == 0);
    CHECK(orders_receive(theirs, &from, &received) == 0 && from == 1 && received->number == 1);
    /* what was sent by one that has left is there; then it is told */
    for (unsigned i = 0; i < 3; i++)
        CHECK(orders_send(ours, 0, &order) == 0);
    CHECK(orders_send(theirs, 1, &order) == 0);
    nw_worker_leave(first);
    CHECK(orders_send(theirs, 1, &order) == -EPIPE && orders_send(theirs, 1, &order) == -EPIPE);
    CHECK(nw_wake(second, 1) == -EPIPE);
    for (unsigned i = 0; i < 3; i++)
        CHECK(orders_receive(theirs, &from, &received) == 0);
    CHECK(nw_worker_peer(second, 1) == NW_PEER_LEFT);
    CHECK(orders_receive(theirs, &from, &received) == -EAGAIN);
    CHECK(nw_exchange_join(exchange, -1, &third) == 0 && nw_worker_index(third) == 2);
    CHECK(nw_exchange_join(exchange, -1, &first) == -ENOSPC);
    /* one that never opened the channel */
    CHECK(orders_send(theirs, 2, &order) == 0);
    nw_worker_leave(third);
    CHECK(orders_send(theirs, 2, &order) == -EPIPE);
    CHECK(orders_receive(theirs, &from, &received) == -EPIPE);
    nw_channel_close(theirs);
    CHECK(nw_channel_open(second, 5, sizeof(order), 4, &theirs) == -EBUSY);
    nw_worker_leave(second);
    nw_worker_leave(NULL);
    CHECK(nw_exchange_close(exchange) == 0 && nw_exchange_close(NULL) == 0);
}

static void a_closed_channel_takes_nothing(void)
{
    struct pair pair = open_pair(8, 2);
    const void *message;
    uint32_t length;
    unsigned from;
    CHECK(nw_send(pair.channel[0], 1, "1234567", 8) == 0);
    CHECK(nw_send(pair.channel[0], 1, "1234567", 8) == 0);
    CHECK(nw_send(pair.channel[0], 1, "1234567", 8) == -EAGAIN);
    while (nw_wait(pair.worker[0], 0) == 0) /* of the other one that joined */
        ;
    nw_channel_close(pair.channel[1]);
    CHECK(nw_wait(pair.worker[0], -1) == 0); /* it was refused, and there is an answer now */
    CHECK(nw_send(pair.channel[0], 1, "1234567", 8) == -EPIPE);
    CHECK(nw_receive(pair.channel[0], &from, &message, &length) == -EAGAIN);
    close_pair(&pair);
}

/* --- to all or to none --- */

static void a_broadcast_reaches_all_or_none(void)
{
    struct nw_exchange *exchange = open_exchange(3, 0);
    struct nw_worker *worker[3];
    struct nw_channel *channel[3];
    const void *message;
    uint32_t length;
    unsigned from;
    for (int i = 0; i < 3; i++) {
        CHECK(nw_exchange_join(exchange, i, &worker[i]) == 0);
        CHECK(nw_channel_open(worker[i], 1, 8, 1, &channel[i]) == 0);
    }
    CHECK(nw_send(channel[0], 2, "to node", 8) == 0);
    CHECK(nw_broadcast(channel[0], "to all.", 8) == -EAGAIN);
    CHECK(nw_receive(channel[1], &from, &message, &length) == -EAGAIN);
    CHECK(nw_receive(channel[2], &from, &message, &length) == 0);
    nw_receive_end(channel[2]);
    CHECK(nw_broadcast(channel[0], "to all.", 8) == 2);
    for (int i = 1; i < 3; i++)
        CHECK(nw_receive(channel[i], &from, &message, &length) == 0 && memcmp(message, "to all.", 8) == 0);
    nw_worker_leave(worker[1]);
    nw_receive_end(channel[2]);
    CHECK(nw_broadcast(channel[0], "to all.", 8) == 1);
    nw_worker_leave(worker[2]);
    CHECK(nw_broadcast(channel[0], "to all.", 8) == 0);
    nw_worker_leave(worker[0]);
    CHECK(nw_exchange_close(exchange) == 0);
}

/* --- limits --- */

static void rings_stay_within_the_memory_limit(void)
{
    struct nw_exchange *exchange = open_exchange(3, 3 << 16);
    struct nw_worker *worker[3];
    struct nw_channel *channel[3];
    static unsigned char page[4096];
    for (int i = 0; i < 3; i++) {
        CHECK(nw_exchange_join(exchange, i, &worker[i]) == 0);
        CHECK(nw_channel_open(worker[i], 1, 4096, 30, &channel[i]) == 0);
    }
    CHECK(nw_send(channel[0], 1, page, 4096) == 0);
    CHECK(nw_send(channel[0], 2, page, 4096) == -ENOBUFS);
    CHECK(nw_send(channel[0], 1, page, 4096) == 0);
    /* what a pair has closed is others' to have */
    nw_channel_close(channel[0]);
    const void *message;
    uint32_t length;
    unsigned from;
    while (nw_receive(channel[1], &from, &message, &length) == 0)
        ;
    CHECK(nw_send(channel[1], 2, page, 4096) == 0);
    for (int i = 0; i < 3; i++)
        nw_worker_leave(worker[i]);
    CHECK(nw_exchange_close(exchange) == 0);
}

static void wrong_wishes_are_errors(void)
{
    struct nw_exchange *exchange = NULL;
    struct nw_exchange_options options;
    memset(&options, 0, sizeof(options));
    CHECK(nw_exchange_open(NULL, &exchange) == -EINVAL);
    CHECK(nw_exchange_open(&options, &exchange) == -EINVAL);
    options.size = sizeof(options);
    CHECK(nw_exchange_open(&options, &exchange) == -EINVAL);
    options.peers = 4097;
    CHECK(nw_exchange_open(&options, &exchange) == -EINVAL);
    options.peers = 1;
    options.cpus = "no such set";
    CHECK(nw_exchange_run(&options, from_each_to_each, NULL, NULL) == -EINVAL);
}

/* --- waiting --- */

static void *wake_first(void *argument)
{
    struct nw_worker *worker = NULL;
    struct nw_exchange *exchange = (struct nw_exchange *)argument;
    CHECK(nw_exchange_join(exchange, 1, &worker) == 0);
    for (int i = 0; i < 200; i++) {
        CHECK(nw_wake(worker, 0) == 0);
        while (nw_wait(worker, -1) != 0)
            ;
    }
    nw_worker_leave(worker);
    return NULL;
}

/* Each wakes the other: a wish that is lost would leave both asleep. */
static void wishes_to_wake_are_not_lost(void)
{
    struct nw_exchange *exchange = open_exchange(2, 0);
    struct nw_worker *worker = NULL;
    pthread_t thread;
    CHECK(nw_exchange_join(exchange, 0, &worker) == 0);
    CHECK(pthread_create(&thread, NULL, wake_first, exchange) == 0);
    while (nw_worker_peer(worker, 1) != NW_PEER_LEFT) {
        CHECK(nw_wait(worker, -1) == 0);
        nw_wake(worker, 1);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    nw_worker_leave(worker);
    CHECK(nw_exchange_close(exchange) == 0);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd asked = {fd, POLLIN, 0};
    return poll(&asked, 1, timeout_ms) == 1;
}

static void a_descriptor_tells_what_a_wait_would(void)
{
    struct pair pair = open_pair(8, 4);
    const void *message;
    uint32_t length;
    unsigned from;
    int fd = nw_worker_fd(pair.worker[1]);
    CHECK(fd >= 0 && nw_worker_fd(pair.worker[1]) == fd);
    for (int turn = 0; turn < 3; turn++) {
        while (nw_wait(pair.worker[1], 0) == 0)
            ;
        CHECK(!is_readable(fd, 0));
        CHECK(nw_send(pair.channel[0], 1, "message", 8) == 0);
        CHECK(is_readable(fd, -1));
        CHECK(nw_wait(pair.worker[1], 0) == 0);
        CHECK(nw_receive(pair.channel[1], &from, &message, &length) == 0);
    }
    nw_receive_end(pair.channel[1]);
    CHECK(nw_wait(pair.worker[1], 1000) == -ETIMEDOUT);
    close_pair(&pair);
}

/* --- a forked child --- */

static void a_forked_child_is_told(void)
{
    struct pair pair = open_pair(8, 4);
    int status;
    CHECK(nw_send(pair.channel[0], 1, "message", 8) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const void *message;
        uint32_t length;
        unsigned from;
        struct nw_exchange *other = NULL;
        struct nw_exchange_options options;
        memset(&options, 0, sizeof(options));
        options.size = sizeof(options);
        options.peers = 1;
        bool all = nw_send(pair.channel[0], 1, "message", 8) == -ECHILD && nw_wait(pair.worker[0], 0) == -ECHILD &&
                   nw_receive(pair.channel[1], &from, &message, &length) == -ECHILD &&
                   nw_exchange_open(&options, &other) == -ECHILD && nw_exchange_close(pair.exchange) == -ECHILD;
        _exit(all ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close_pair(&pair);
}

int main(void)
{
    the_bound_is_the_number_asked_for();
    for (int ends = 0; ends < 2; ends++) {
        rings_are_read_in_turn(8, ends);
        rings_are_read_in_turn(0, ends);
    }
    a_ring_that_ends_hides_no_other();
    lengths_of_their_own_arrive_whole();
    what_is_not_flushed_is_seen_at_a_wait();
    workers_come_and_go();
    a_closed_channel_takes_nothing();
    a_broadcast_reaches_all_or_none();
    rings_stay_within_the_memory_limit();
    wrong_wishes_are_errors();
    wishes_to_wake_are_not_lost();
    a_descriptor_tells_what_a_wait_would();
    all_arrives_in_its_order();
    a_forked_child_is_told();
    return 0;
}
