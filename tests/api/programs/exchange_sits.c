/*
 * An exchange for tests to look at from outside: exchange_sits NAME PEERS [results] [full]. Each worker sends as many messages to the
 * next one as its index says, and one more. Worker 0 then tells what it found:
 *
 *   workers N room R longest L big E
 *
 * R: messages of 8 bytes that had room where the program asks for 4. L: bytes of the longest message that had room where it
 * asks for 64. E: what the first message of a channel of 1 MiB answered. It ends at a line on standard input.
 *
 * With `full`, worker 1 then fills a ring of 64 messages to worker 0. At each line "more" that one starts a thread, takes what
 * has come, says "took N", and sleeps for a moment.
 */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>

#include "check.h"

enum { MOST = 64 };

static unsigned messages_with_room(struct nw_worker *worker)
{
    const uint64_t message = 1;
    struct nw_channel *channel;
    unsigned count = 0;
    CHECK(nw_channel_open(worker, 1, sizeof(message), 4, &channel) == 0);
    while (nw_send(channel, nw_worker_index(worker), &message, sizeof(message)) == 0)
        count++;
    nw_channel_close(channel);
    return count;
}

static uint32_t longest_with_room(struct nw_worker *worker)
{
    struct nw_channel *channel;
    uint32_t longest = 0;
    void *at;
    CHECK(nw_channel_open(worker, 2, 0, 64, &channel) == 0);
    while (longest < 1 << 20 && nw_send_begin(channel, nw_worker_index(worker), longest + 8, &at) == 0)
        longest += 8;
    nw_channel_close(channel);
    return longest;
}

static int big_one(struct nw_worker *worker)
{
    const uint64_t message = 1;
    struct nw_channel *channel;
    CHECK(nw_channel_open(worker, 3, 0, 1 << 20, &channel) == 0);
    int error = nw_send(channel, nw_worker_index(worker), &message, sizeof(message));
    nw_channel_close(channel);
    return error;
}

/* All have sent what they have to, and none has left before. */
static void pass_on(struct nw_worker *worker, struct nw_channel *channel)
{
    unsigned self = nw_worker_index(worker), peers = nw_worker_peers(worker), from, sent = 0, taken = 0;
    unsigned before = (self + peers - 1) % peers;
    const uint64_t message = 1;
    const void *ignored;
    uint32_t length;
    while (sent <= self || taken <= before) {
        if (sent <= self && nw_send(channel, (self + 1) % peers, &message, sizeof(message)) == 0)
            sent++;
        else if (nw_receive(channel, &from, &ignored, &length) == 0) {
            nw_receive_end(channel);
            taken++;
        } else
            CHECK(nw_wait(worker, -1) == 0);
    }
}

static void fill(struct nw_worker *worker, struct nw_channel *channel)
{
    const uint64_t message = 1;
    while (nw_send(channel, 0, &message, sizeof(message)) == 0)
        ;
    CHECK(nw_worker_peer(worker, 0) == NW_PEER_JOINED);
}

static unsigned take_all(struct nw_channel *channel)
{
    unsigned taken = 0, from;
    const void *ignored;
    uint32_t length;
    while (nw_receive(channel, &from, &ignored, &length) == 0)
        taken++;
    return taken;
}

static void *end_at_once(void *nothing)
{
    return nothing;
}

static void take_more(struct nw_worker *worker, struct nw_channel *channel)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, end_at_once, NULL) == 0 && pthread_join(thread, NULL) == 0);
    printf("took %u\n", take_all(channel));
    nw_wait(worker, 1);
    fflush(stdout);
}

static int sit(struct nw_worker *worker, void *context)
{
    struct nw_channel *channel, *full;
    char line[16];
    bool is_full = *(const bool *)context;
    if (is_full)
        CHECK(nw_channel_open(worker, 5, sizeof(uint64_t), 64, &full) == 0);
    CHECK(nw_channel_open(worker, 4, sizeof(uint64_t), 64, &channel) == 0);
    pass_on(worker, channel);
    if (is_full && nw_worker_index(worker) == 1)
        fill(worker, full);
    while (nw_worker_index(worker) != 0 && nw_worker_peer(worker, 0) != NW_PEER_LEFT)
        CHECK(nw_wait(worker, -1) == 0);
    if (nw_worker_index(worker) == 0) {
        unsigned room = messages_with_room(worker);
        uint32_t longest = longest_with_room(worker);
        printf("workers %u room %u longest %u big %d\n", nw_worker_peers(worker), room, longest, big_one(worker));
        fflush(stdout);
        CHECK(fgets(line, sizeof(line), stdin) != NULL);
        while (is_full && strcmp(line, "more\n") == 0) {
            take_more(worker, full);
            CHECK(fgets(line, sizeof(line), stdin) != NULL);
        }
    }
    return (int)nw_worker_index(worker);
}

int main(int argc, char **argv)
{
    struct nw_exchange_options options;
    int results[MOST];
    CHECK(argc >= 3);
    memset(&options, 0, sizeof(options));
    memset(results, 0, sizeof(results));
    options.size = sizeof(options);
    options.name = argv[1];
    options.peers = (unsigned)atoi(argv[2]);
    bool is_full = told(argc, argv, "full");
    int count = nw_exchange_run(&options, sit, &is_full, told(argc, argv, "results") ? results : NULL);
    CHECK(count > 0 && count <= MOST);
    for (int i = 0; i < count && told(argc, argv, "results"); i++)
        CHECK(results[i] == i);
    return 0;
}
