/*
 * One program for threads, processes of a host and ranks of an MPI program: what differs is an option.
 *
 *   exchange_anywhere TRANSPORT PEERS WORKERS TEST   TRANSPORT: threads; mpi; or a path, of a shared exchange
 *
 * It prints the results of its process's workers, or what nw_exchange_run() answers. TEST:
 *   all MESSAGES ROOM   each sends so many of varying lengths to each, and takes theirs in their order
 *   bound ROOM          exactly so many have room on the way to one that takes none; then all come
 *   end MESSAGES        the last worker sends and leaves: they come, and what is sent to it then is refused
 *   close               a worker closes a channel, and goes on in another
 *   broadcast           to all, or to none while one has no room
 *   wake                nw_wake() ends a wait
 *   limit               a ring beyond the receiver's memory limit is refused
 *   exit MESSAGES       the last worker's process ends without leaving: what was sent before comes
 *   sit                 worker 0 says that all are there, and waits for a line; the others wait for its end
 */
#include <errno.h>
#include <nodewise.h>
#include <stdint.h>

#include "check.h"

enum { PEERS = 64, LONGEST = 3000 };

static unsigned messages, room;
static bool is_on_mpi;

static struct nw_channel *open_channel(struct nw_worker *worker, uint32_t id, uint32_t size, uint32_t with_room)
{
    struct nw_channel *channel = NULL;
    CHECK(nw_channel_open(worker, id, size, with_room, &channel) == 0);
    return channel;
}

/* --- from each to each --- */

struct from_each {
    struct nw_worker *worker;
    struct nw_channel *channel;
    unsigned received[PEERS];
};

static uint32_t length_of(unsigned from, unsigned to, unsigned number)
{
    const unsigned longest = LONGEST;
    return 4 + (from * 131 + to * 37 + number * 61) % (longest < room / 3 ? longest : room / 3);
}

static void take_all(struct from_each *each)
{
    unsigned from, self = nw_worker_index(each->worker);
    uint32_t length, number;
    const void *message;
    while (nw_receive(each->channel, &from, &message, &length) == 0) {
        const unsigned char *bytes = (const unsigned char *)message;
        memcpy(&number, bytes, sizeof(number));
        CHECK(number == each->received[from]);
        CHECK(length == length_of(from, self, number));
        for (uint32_t i = sizeof(number); i < length; i++)
            CHECK(bytes[i] == (unsigned char)(number + i));
        each->received[from]++;
    }
}

static void send_one(struct from_each *each, unsigned to, uint32_t number)
{
    unsigned char bytes[4 + LONGEST];
    uint32_t length = length_of(nw_worker_index(each->worker), to, number);
    int error;
    memcpy(bytes, &number, sizeof(number));
    for (uint32_t i = sizeof(number); i < length; i++)
        bytes[i] = (unsigned char)(number + i);
    while ((error = nw_send(each->channel, to, bytes, length)) == -EAGAIN) {
        take_all(each);
        CHECK(nw_wait(each->worker, -1) == 0);
    }
    CHECK(error == 0);
}

static int all_to_all(struct nw_worker *worker, void *context)
{
    struct from_each each;
    unsigned peers = nw_worker_peers(worker);
    (void)context;
    memset(&each, 0, sizeof(each));
    each.worker = worker;
    each.channel = open_channel(worker, 7, 0, room);
    for (unsigned number = 0; number < messages; number++)
        for (unsigned to = 0; to < peers; to++)
            send_one(&each, to, number);
    for (unsigned from = 0; from < peers; from++)
        while (take_all(&each), each.received[from] < messages)
            CHECK(nw_wait(worker, -1) == 0);
    return (int)nw_worker_index(worker);
}

/* --- numbers of one size --- */

static int send_number(struct nw_channel *channel, unsigned to, uint64_t number)
{
    return nw_send(channel, to, &number, sizeof(number));
}

static void send_until_there_is_room(struct nw_worker *worker, struct nw_channel *channel, unsigned to, uint64_t number)
{
    int error;
    while ((error = send_number(channel, to, number)) == -EAGAIN)
        CHECK(nw_wait(worker, -1) == 0);
    CHECK(error == 0);
}

static uint64_t receive_number(struct nw_worker *worker, struct nw_channel *channel)
{
    const void *message;
    uint32_t length;
    uint64_t number;
    unsigned from;
    int error;
    while ((error = nw_receive(channel, &from, &message, &length)) == -EAGAIN)
        CHECK(nw_wait(worker, -1) == 0);
    CHECK(error == 0 && length == sizeof(number));
    memcpy(&number, message, sizeof(number));
    nw_receive_end(channel);
    return number;
}

/* Worker 0 fills the ring to the last one, which is told by another channel that it may take. */
static int bound(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    struct nw_channel *filled = open_channel(worker, 1, sizeof(uint64_t), room);
    struct nw_channel *signals = open_channel(worker, 2, sizeof(uint64_t), 1);
    uint64_t sent = 0, more = 3 * room;
    int error;
    (void)context;
    if (self == 0) {
        while ((error = send_number(filled, last, sent)) == 0)
            sent++;
        CHECK(error == -EAGAIN && sent == room);
        while (nw_wait(worker, 20000000) == 0) /* of others' joining */
            CHECK(send_number(filled, last, sent) == -EAGAIN);
        send_until_there_is_room(worker, signals, last, 0);
        for (; sent < more; sent++)
            send_until_there_is_room(worker, filled, last, sent);
        CHECK(receive_number(worker, signals) == 1);
    } else if (self == last) {
        CHECK(receive_number(worker, signals) == 0);
        for (uint64_t i = 0; i < more; i++)
            CHECK(receive_number(worker, filled) == i);
        send_until_there_is_room(worker, signals, 0, 1);
    }
    return 0;
}

static void wait_until_it_has_left(struct nw_worker *worker, unsigned peer)
{
    while (nw_worker_peer(worker, peer) != NW_PEER_LEFT)
        CHECK(nw_wait(worker, -1) == 0);
}

/* Between processes that share memory a ring may come after the word that its sender has left; by MPI nothing comes later. */
static uint64_t receive_what_must_be_there(struct nw_worker *worker, struct nw_channel *channel)
{
    const void *message;
    uint32_t length;
    uint64_t number;
    unsigned from;
    if (!is_on_mpi)
        return receive_number(worker, channel);
    CHECK(nw_receive(channel, &from, &message, &length) == 0 && length == sizeof(number));
    memcpy(&number, message, sizeof(number));
    return number;
}

/* A receiver that has its messages in its ring before their sender has left. */
static void take_what_the_last_has_sent(struct nw_worker *worker, struct nw_channel *channel)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    wait_until_it_has_left(worker, last);
    for (unsigned i = 0; i < messages; i++)
        CHECK(receive_what_must_be_there(worker, channel) == 100000 * self + i);
    CHECK(send_number(channel, last, 0) == -EPIPE);
    CHECK(nw_wake(worker, last) == -EPIPE);
}

static int end(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1, from;
    struct nw_channel *channel = open_channel(worker, 1, sizeof(uint64_t), messages);
    struct nw_channel *other = open_channel(worker, 2, sizeof(uint64_t), 1);
    const void *message;
    uint32_t length;
    int error;
    (void)context;
    if (self == last) {
        for (unsigned to = 0; to < last; to++)
            for (unsigned i = 0; i < messages; i++)
                send_until_there_is_room(worker, channel, to, 100000 * to + i);
        for (unsigned i = 0; i < last; i++)
            CHECK(receive_number(worker, other) == 5);
        return 0;
    }
    send_until_there_is_room(worker, other, last, 5); /* a ring to it, whose end is told */
    take_what_the_last_has_sent(worker, channel);
    CHECK(send_number(other, last, 6) == -EPIPE);
    if (self)
        return 0;
    while ((error = nw_receive(channel, &from, &message, &length)) == -EAGAIN)
        CHECK(nw_wait(worker, -1) == 0);
    CHECK(error == -EPIPE); /* all others have left */
    return 0;
}

static int close_one(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    struct nw_channel *closed = open_channel(worker, 1, sizeof(uint64_t), 4);
    struct nw_channel *open = open_channel(worker, 2, sizeof(uint64_t), 4);
    int error;
    (void)context;
    if (self == 0) {
        send_until_there_is_room(worker, closed, last, 3);
        while ((error = send_number(closed, last, 4)) != -EPIPE) {
            CHECK(error == 0 || error == -EAGAIN);
            if (error == -EAGAIN)
                CHECK(nw_wait(worker, -1) == 0);
        }
        send_until_there_is_room(worker, open, last, 9);
    } else if (self == last) {
        CHECK(receive_number(worker, closed) == 3);
        nw_channel_close(closed);
        CHECK(receive_number(worker, open) == 9);
    }
    return 0;
}

static int broadcast(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), peers = nw_worker_peers(worker), last = peers - 1;
    struct nw_channel *channel = open_channel(worker, 1, sizeof(uint64_t), 2);
    struct nw_channel *signals = open_channel(worker, 2, sizeof(uint64_t), 1);
    uint64_t number = 1;
    (void)context;
    if (self) {
        if (self == last)
            CHECK(receive_number(worker, signals) == 0);
        for (; number <= 3; number++) {
            if (number != 2 || self == last) /* 2 goes to the last one alone */
                CHECK(receive_number(worker, channel) == number);
        }
        return 0;
    }
    CHECK(nw_broadcast(channel, &number, sizeof(number)) == (int)last);
    send_until_there_is_room(worker, channel, last, 2);
    number = 3;
    CHECK(nw_broadcast(channel, &number, sizeof(number)) == -EAGAIN); /* the last one has no room: none gets it */
    send_until_there_is_room(worker, signals, last, 0);
    int count;
    while ((count = nw_broadcast(channel, &number, sizeof(number))) == -EAGAIN)
        CHECK(nw_wait(worker, -1) == 0);
    CHECK(count == (int)last);
    return 0;
}

static int wake(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    struct nw_channel *signals = open_channel(worker, 1, sizeof(uint64_t), 1);
    (void)context;
    if (self == last) {
        while (nw_wait(worker, 0) != -ETIMEDOUT)
            ; /* what came of others' joining */
        send_until_there_is_room(worker, signals, 0, 1);
        CHECK(nw_wait(worker, -1) == 0);
        send_until_there_is_room(worker, signals, 0, 2);
    } else if (self == 0) {
        CHECK(receive_number(worker, signals) == 1);
        CHECK(nw_wake(worker, last) == 0);
        CHECK(receive_number(worker, signals) == 2);
    }
    return 0;
}

static int limit(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    struct nw_channel *channel = open_channel(worker, 1, sizeof(uint64_t), 1 << 20);
    (void)context;
    if (self == 0)
        CHECK(send_number(channel, last, 1) == -ENOBUFS);
    else
        wait_until_it_has_left(worker, 0);
    return 0;
}

static int end_without_leaving(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), last = nw_worker_peers(worker) - 1;
    struct nw_channel *channel = open_channel(worker, 1, sizeof(uint64_t), messages);
    (void)context;
    if (self == last) {
        for (unsigned to = 0; to < last; to++)
            for (unsigned i = 0; i < messages; i++)
                send_until_there_is_room(worker, channel, to, 100000 * to + i);
        exit(0);
    }
    take_what_the_last_has_sent(worker, channel);
    return 0;
}

static int sit(struct nw_worker *worker, void *context)
{
    (void)context;
    if (nw_worker_index(worker) == 0) {
        printf("all are there\n");
        fflush(stdout);
        return getchar() == EOF;
    }
    wait_until_it_has_left(worker, 0);
    return 0;
}

/* --- all of it --- */

static const struct {
    const char *name;
    int (*run)(struct nw_worker *worker, void *context);
} tests[] = {{"all", all_to_all},
             {"bound", bound},
             {"end", end},
             {"close", close_one},
             {"broadcast", broadcast},
             {"wake", wake},
             {"limit", limit},
             {"exit", end_without_leaving},
             {"sit", sit}};

int main(int argc, char **argv)
{
    struct nw_exchange_options options;
    int results[PEERS];
    CHECK(argc >= 5);
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.peers = (unsigned)atoi(argv[2]);
    options.workers = (unsigned)atoi(argv[3]);
    if (!strcmp(argv[1], "mpi"))
        options.transport = "mpi";
    else if (strcmp(argv[1], "threads") != 0)
        options.shared = argv[1];
    if (!strcmp(argv[4], "limit"))
        options.memory_limit = 1 << 20;
    is_on_mpi = options.transport != NULL;
    messages = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
    room = argc > 6 ? (unsigned)atoi(argv[6]) : messages;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (strcmp(tests[i].name, argv[4]) != 0)
            continue;
        int count = nw_exchange_run(&options, tests[i].run, NULL, results);
        printf("%d", count);
        for (int k = 0; k < count; k++)
            printf(" %d", results[k]);
        printf("\n");
        return 0;
    }
    return 2;
}
