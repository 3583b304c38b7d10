/*
 * Exchanges under ThreadSanitizer, with yields at random atomic operations inside them: each message comes once, whole and in
 * its order, each wait ends that has a reason to, and -EPIPE is answered only where a worker is gone.
 *
 *   exchange_model SECONDS SEED
 *
 * Rounds of a few threads, each a worker that sends, broadcasts, receives, waits and wakes at random, and closes channels or
 * leaves when it likes. Who stays to the end stays until all of a higher rank have left, and has then received all that they
 * sent.
 */
#include <errno.h>
#include <nodewise.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "shim/api/pool/futex.h"
#include "tests/model/exchange_ledger.h"

enum { FOR_EVER = -1, LONGEST = 1024 };

struct kind {
    uint32_t message_size, room;
};

/* A thread's worker. */
struct hand {
    pthread_t thread;
    unsigned self, rank;
    struct nw_worker *worker;
    struct nw_channel *channel[LEDGER_CHANNELS]; /* NULL: closed */
    int open_from[LEDGER_CHANNELS];              /* whose message is being read; -1: none */
    uint32_t ids;
    bool polls; /* waits by its descriptor */
};

static unsigned seed, rounds, yields; /* yields: at one of so many steps */
static bool is_patient;               /* waits for ever where it can */
static struct nw_exchange *exchange;
static struct kind kinds[LEDGER_CHANNELS];
static atomic_uint messages_seen, refusals_seen, ends_seen, broadcasts_seen, sleeps_seen;
static _Thread_local unsigned own_random;

/* --- chance --- */

static void begin_random(unsigned number)
{
    own_random = (seed + 1) * 2654435761u + rounds * 40503u + number * 97u + 1;
    own_random += own_random == 0;
}

static unsigned random_below(unsigned bound)
{
    own_random ^= own_random << 13;
    own_random ^= own_random >> 17;
    own_random ^= own_random << 5;
    return own_random % bound;
}

void step(void)
{
    /* 0: a thread that the model did not start, or has not yet given numbers to */
    if (own_random && random_below(yields) == 0)
        sched_yield();
}

/* --- messages: the id says what is in them --- */

static uint32_t length_of(unsigned channel, uint32_t id)
{
    uint32_t longest = (kinds[channel].room & ~7u) - 8;
    longest = longest < LONGEST ? longest : LONGEST;
    return kinds[channel].message_size ? kinds[channel].message_size : id * 2654435761u % (longest + 1);
}

static unsigned char byte_of(uint32_t id, uint32_t at)
{
    return (unsigned char)(id * 167 + (id >> 8) * 59 + (id >> 24) * 31 + at * 13);
}

static void fill(unsigned char *message, uint32_t id, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        message[i] = byte_of(id, i);
}

static uint32_t next_id(struct hand *hand)
{
    return hand->self << 24 | hand->ids++;
}

/* --- receiving --- */

static void note_given_back(struct hand *hand, unsigned channel)
{
    if (hand->open_from[channel] >= 0)
        atomic_fetch_add(&ledger.pair[channel][hand->open_from[channel]][hand->self].given_back, 1);
    hand->open_from[channel] = -1;
}

static void end_message(struct hand *hand, unsigned channel)
{
    nw_receive_end(hand->channel[channel]);
    note_given_back(hand, channel);
}

/* All that was sent by those that have left, in so far as it was looked for after that. */
static void check_all_received(const struct hand *hand, unsigned channel, const bool *has_left)
{
    for (unsigned from = 0; from < ledger.workers; from++) {
        const struct ledger_pair *pair = &ledger.pair[channel][from][hand->self];
        if (from != hand->self && has_left[from])
            CHECK(atomic_load(&pair->received) == pair->sent);
    }
}

static void check_end(const struct hand *hand, unsigned channel)
{
    bool all[LEDGER_WORKERS];
    memset(all, true, sizeof(all));
    check_all_received(hand, channel, all);
    atomic_fetch_add(&ends_seen, 1);
}

static void check_message(const struct hand *hand, unsigned channel, unsigned from, const unsigned char *message,
                          uint32_t length)
{
    struct ledger_pair *pair = &ledger.pair[channel][from][hand->self];
    unsigned number = atomic_load(&pair->received);
    CHECK(number < LEDGER_MOST);
    uint32_t id = pair->ids[number];
    CHECK(id >> 24 == from && length == length_of(channel, id));
    for (uint32_t i = 0; i < length; i++)
        CHECK(message[i] == byte_of(id, i));
    atomic_store(&pair->received, number + 1);
    atomic_fetch_add(&messages_seen, 1);
}

/* 0, -EAGAIN, -EPIPE */
static int receive_one(struct hand *hand, unsigned channel)
{
    unsigned from = LEDGER_WORKERS;
    const void *message = NULL;
    uint32_t length = 0;
    bool owes = ledger_owes_message(hand->self) && ledger.channels == 1;
    int error = nw_receive(hand->channel[channel], &from, &message, &length);
    note_given_back(hand, channel);
    CHECK(error == 0 || ((error == -EAGAIN || error == -EPIPE) && !owes));
    if (error == -EPIPE)
        check_end(hand, channel);
    if (error)
        return error;
    CHECK(from < ledger.workers);
    check_message(hand, channel, from, message, length);
    hand->open_from[channel] = (int)from;
    if (random_below(2))
        end_message(hand, channel);
    return 0;
}

static void receive_some(struct hand *hand, unsigned most)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned i = 0; i < most && hand->channel[channel] && receive_one(hand, channel) == 0; i++)
            ;
}

/* --- waiting --- */

static int wait_by_descriptor(struct nw_worker *worker, int64_t timeout)
{
    struct pollfd asked = {.fd = nw_worker_fd(worker), .events = POLLIN};
    CHECK(asked.fd >= 0);
    int error;
    while ((error = nw_wait(worker, 0)) == -ETIMEDOUT && timeout) {
        int count = poll(&asked, 1, timeout < 0 ? -1 : 1);
        CHECK(count == 1 || (count == 0 && timeout > 0));
        if (timeout > 0)
            return nw_wait(worker, 0);
    }
    return error;
}

/* Below 0, or until then. */
static void wait_until_told(struct hand *hand, int64_t timeout)
{
    bool owes = ledger_owes_message(hand->self);
    int64_t begin = clock_now();
    ledger_enter_wait(hand->self);
    int error = hand->polls ? wait_by_descriptor(hand->worker, timeout) : nw_wait(hand->worker, timeout);
    ledger_leave_wait(hand->self, error == 0);
    CHECK(error == 0 || (error == -ETIMEDOUT && timeout >= 0 && !owes));
    CHECK(error == 0 || hand->polls || clock_now() - begin >= timeout);
    atomic_fetch_add(&sleeps_seen, timeout != 0 && clock_now() - begin > 50000);
}

/* Not with a message open whose room another may wait for. */
static void wait_for_ever(struct hand *hand)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        if (hand->channel[channel])
            end_message(hand, channel);
    wait_until_told(hand, FOR_EVER);
}

static int64_t some_time(void)
{
    static const int64_t most[] = {0, 1, 1000, 100000, 2000000};
    int64_t bound = most[random_below(5)];
    return bound ? 1 + random_below((unsigned)bound) : 0;
}

static void wait_for_room(struct hand *hand)
{
    receive_some(hand, 1 + random_below(40));
    if (is_patient || random_below(2))
        wait_for_ever(hand);
    else
        wait_until_told(hand, some_time());
}

/* --- sending --- */

static struct ledger_pair *pair_to(const struct hand *hand, unsigned channel, unsigned to)
{
    return &ledger.pair[channel][hand->self][to];
}

static void note_sent(const struct hand *hand, unsigned channel, unsigned to, bool is_published)
{
    struct ledger_pair *pair = pair_to(hand, channel, to);
    pair->sent++;
    atomic_store(&pair->written, pair->sent);
    if (is_published)
        ledger_publish(channel, hand->self, to);
}

static void check_refusal(const struct hand *hand, unsigned channel, unsigned to, int error)
{
    CHECK(error == -EAGAIN || error == -EPIPE);
    /* by a write, which is not done ahead of the look at the answer */
    if (error == -EPIPE)
        CHECK(atomic_fetch_or(&ledger.worker[to].ends[channel], 0));
    else if (nw_worker_peer(hand->worker, to) != NW_PEER_ABSENT)
        atomic_fetch_add(&refusals_seen, 1);
}

static int send_in_place(struct hand *hand, unsigned channel, unsigned to, uint32_t id, bool flush)
{
    void *at = NULL;
    uint32_t length = length_of(channel, id);
    int error = nw_send_begin(hand->channel[channel], to, length, &at);
    if (error == 0 && random_below(8) == 0) { /* forgotten */
        memset(at, 0xff, length);
        error = nw_send_begin(hand->channel[channel], to, length, &at);
    }
    if (error)
        return error;
    fill(at, id, length);
    return nw_send_end(hand->channel[channel], to, flush);
}

static int send_copy(struct hand *hand, unsigned channel, unsigned to, uint32_t id)
{
    unsigned char message[LONGEST];
    uint32_t length = length_of(channel, id);
    fill(message, id, length);
    return nw_send(hand->channel[channel], to, message, length);
}

static int try_to_send(struct hand *hand, unsigned channel, unsigned to)
{
    struct ledger_pair *pair = pair_to(hand, channel, to);
    unsigned way = random_below(3);
    uint32_t id = pair->ids[pair->sent] = next_id(hand);
    int error = way == 0 ? send_copy(hand, channel, to, id) : send_in_place(hand, channel, to, id, way == 1);
    if (error == 0) {
        note_sent(hand, channel, to, way != 2);
        return 0;
    }
    check_refusal(hand, channel, to, error);
    if (error == -EAGAIN && pair->sent) { /* else it may be that it has not joined */
        ledger_publish(channel, hand->self, to);
        atomic_store(&pair->wants_room, true);
    }
    return error;
}

static void send_one(struct hand *hand)
{
    unsigned channel = random_below(ledger.channels), to = random_below(ledger.workers);
    if (pair_to(hand, channel, to)->sent == LEDGER_MOST)
        return;
    while (hand->channel[channel] && try_to_send(hand, channel, to) == -EAGAIN)
        wait_for_room(hand);
}

static bool all_have_entries(const struct hand *hand, unsigned channel)
{
    for (unsigned to = 0; to < ledger.workers; to++)
        if (pair_to(hand, channel, to)->sent == LEDGER_MOST)
            return false;
    return true;
}

/* Those whose end has not begun when it is over have got it; of the others it does not matter. */
static void note_broadcast(const struct hand *hand, unsigned channel, unsigned count)
{
    unsigned others = 0;
    for (unsigned to = 0; to < ledger.workers; to++) {
        if (to == hand->self)
            continue;
        others += !atomic_load(&ledger.worker[to].ends[channel]);
        note_sent(hand, channel, to, true);
    }
    CHECK(count >= others && count < ledger.workers);
    atomic_fetch_add(&broadcasts_seen, 1);
}

static void broadcast(struct hand *hand)
{
    unsigned char message[LONGEST];
    unsigned channel = random_below(ledger.channels);
    if (!hand->channel[channel] || !all_have_entries(hand, channel))
        return;
    uint32_t id = next_id(hand), length = length_of(channel, id);
    fill(message, id, length);
    for (unsigned to = 0; to < ledger.workers; to++)
        if (to != hand->self)
            pair_to(hand, channel, to)->ids[pair_to(hand, channel, to)->sent] = id;
    int count = nw_broadcast(hand->channel[channel], message, length);
    CHECK(count >= 0 || count == -EAGAIN);
    if (count >= 0)
        note_broadcast(hand, channel, (unsigned)count);
}

static void flush(struct hand *hand)
{
    unsigned channel = random_below(ledger.channels);
    if (!hand->channel[channel])
        return;
    nw_flush(hand->channel[channel]);
    for (unsigned to = 0; to < ledger.workers; to++)
        ledger_publish(channel, hand->self, to);
}

static void wake_one(struct hand *hand)
{
    unsigned to = random_below(ledger.workers);
    struct ledger_worker *other = &ledger.worker[to];
    atomic_fetch_add(&other->wishes_begun, 1);
    int error = nw_wake(hand->worker, to);
    CHECK(error == 0 || error == -EAGAIN || (error == -EPIPE && atomic_load(&other->ends[0])));
    if (error == 0)
        atomic_fetch_add(&other->wishes_done, 1);
}

/* --- coming and going --- */

static void join_all(struct hand *hand)
{
    atomic_fetch_add(&ledger.events_begun, 1);
    CHECK(nw_exchange_join(exchange, (int)hand->self, &hand->worker) == 0);
    atomic_fetch_add(&ledger.events_done, 1);
    unsigned first = random_below(ledger.channels);
    for (unsigned i = 0; i < ledger.channels; i++) {
        unsigned channel = (first + i) % ledger.channels;
        const struct kind *kind = &kinds[channel];
        CHECK(nw_channel_open(hand->worker, channel, kind->message_size, kind->room, &hand->channel[channel]) == 0);
        atomic_store(&ledger.worker[hand->self].is_open[channel], true);
        hand->open_from[channel] = -1;
    }
}

static void begin_end(const struct hand *hand, unsigned channel)
{
    atomic_store(&ledger.worker[hand->self].is_open[channel], false);
    atomic_store(&ledger.worker[hand->self].ends[channel], true);
}

static void close_one(struct hand *hand)
{
    unsigned channel = random_below(ledger.channels);
    if (!hand->channel[channel])
        return;
    begin_end(hand, channel);
    nw_channel_close(hand->channel[channel]);
    hand->channel[channel] = NULL;
    atomic_store(&ledger.worker[hand->self].has_ended[channel], true);
}

static void leave(struct hand *hand)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        begin_end(hand, channel);
    atomic_fetch_add(&ledger.events_begun, 1);
    nw_worker_leave(hand->worker);
    atomic_fetch_add(&ledger.events_done, 1);
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        atomic_store(&ledger.worker[hand->self].has_ended[channel], true);
}

/* --- a worker's life --- */

static void act(struct hand *hand)
{
    switch (random_below(16)) {
    case 0:
        broadcast(hand);
        break;
    case 1:
        flush(hand);
        break;
    case 2:
        wake_one(hand);
        break;
    case 3:
        wait_until_told(hand, some_time());
        break;
    case 4:
    case 5:
    case 6:
        receive_some(hand, 1 + random_below(10));
        break;
    default:
        send_one(hand);
    }
}

/* By its rank, which the other threads have from main(). */
static bool have_left(const struct hand *hand, const struct hand *hands, bool *ret_left)
{
    bool all = true;
    for (unsigned other = 0; other < ledger.workers; other++) {
        ret_left[other] = nw_worker_peer(hand->worker, other) == NW_PEER_LEFT;
        all = all && (ret_left[other] || hands[other].rank <= hand->rank);
    }
    return all;
}

static void stay_to_the_end(struct hand *hand, const struct hand *hands)
{
    bool left[LEDGER_WORKERS] = {false};
    bool all;
    do {
        all = have_left(hand, hands, left);
        for (unsigned channel = 0; channel < ledger.channels; channel++) {
            while (hand->channel[channel] && receive_one(hand, channel) == 0)
                ;
            if (hand->channel[channel])
                check_all_received(hand, channel, left);
        }
        if (!all)
            wait_for_ever(hand);
    } while (!all);
    /* the last one is told so */
    for (unsigned channel = 0; channel < ledger.channels && hand->rank == 0; channel++)
        while (hand->channel[channel] && receive_one(hand, channel) != -EPIPE)
            wait_for_ever(hand);
}

static struct hand hands[LEDGER_WORKERS];

static void *live(void *argument)
{
    struct hand *hand = argument;
    begin_random(1 + hand->self);
    for (unsigned i = random_below(20); i; i--)
        sched_yield();
    hand->polls = random_below(4) == 0;
    join_all(hand);
    unsigned acts = random_below(300), closes_at = random_below(900);
    for (unsigned i = 0; i < acts; i++) {
        if (i == closes_at)
            close_one(hand);
        act(hand);
    }
    if (random_below(4))
        stay_to_the_end(hand, hands);
    leave(hand);
    return NULL;
}

/* --- rounds --- */

static struct kind some_kind(void)
{
    static const uint32_t sizes[] = {1, 7, 8, 12, 16, 24, 64, 72, 200};
    static const uint32_t most[] = {1, 2, 4, 64, 1024};
    uint32_t bound = most[random_below(5)];
    if (random_below(3) == 0)
        return (struct kind){0, 8 + random_below(1017)};
    return (struct kind){sizes[random_below(9)], bound == 1024 ? bound : 1 + random_below(bound)};
}

static void begin_hands(void)
{
    for (unsigned i = 0; i < ledger.workers; i++)
        hands[i] = (struct hand){.self = i, .rank = i};
    for (unsigned i = ledger.workers - 1; i; i--) {
        unsigned other = random_below(i + 1), rank = hands[i].rank;
        hands[i].rank = hands[other].rank;
        hands[other].rank = rank;
    }
}

static void play_a_round(void)
{
    static const unsigned of_steps[] = {4, 16, 64, 1000000};
    char told[64];
    begin_random(0);
    yields = of_steps[random_below(4)];
    is_patient = random_below(2);
    ledger_begin(2 + random_below(LEDGER_WORKERS - 1), 1 + random_below(LEDGER_CHANNELS));
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        kinds[channel] = some_kind();
    begin_hands();
    const struct nw_exchange_options options = {
        .size = sizeof(options), .peers = ledger.workers, .spin_us = 1 + random_below(30)};
    CHECK(nw_exchange_open(&options, &exchange) == 0);
    snprintf(told, sizeof(told), "seed %u, round %u", seed, rounds);
    for (unsigned i = 0; i < ledger.workers; i++)
        CHECK(pthread_create(&hands[i].thread, NULL, live, &hands[i]) == 0);
    ledger_watch(told);
    for (unsigned i = 0; i < ledger.workers; i++)
        CHECK(pthread_join(hands[i].thread, NULL) == 0);
    ledger_stop_watching();
    CHECK(nw_exchange_close(exchange) == 0);
}

/* A slow machine plays few rounds in a time. */
static bool is_all_seen(void)
{
    return atomic_load(&messages_seen) && atomic_load(&broadcasts_seen) && atomic_load(&refusals_seen) &&
           atomic_load(&sleeps_seen) && atomic_load(&ends_seen);
}

int main(int argc, char **argv)
{
    int64_t end = clock_now() + (argc > 1 ? atoll(argv[1]) : 10) * INT64_C(1000000000);
    seed = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    do {
        play_a_round();
        rounds++;
    } while (clock_now() < end || !is_all_seen());
    printf("%u rounds: %u messages, %u broadcasts, %u times no room, %u sleeps, %u ends\n", rounds,
           atomic_load(&messages_seen), atomic_load(&broadcasts_seen), atomic_load(&refusals_seen),
           atomic_load(&sleeps_seen), atomic_load(&ends_seen));
    return 0;
}
