/*
 * An exchange whose rings are all there: messages, broadcasts, waits and wishes to wake cost no call of malloc or its kin.
 * The program brings its own, which count. Says "N before, M after".
 */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

enum { WORKERS = 4, CHANNELS = 2, FEW = 500, MANY = 20000, BROADCASTS = 50, SLEEPS = 5, SLEEP_NS = 1000000 };

/* --- malloc and its kin --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long calls;

void *malloc(size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __libc_realloc(pointer, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
    atomic_fetch_add(&calls, 1);
    *ret_pointer = __libc_memalign(alignment, size);
    return *ret_pointer ? 0 : ENOMEM;
}

/* --- workers --- */

struct end {
    struct nw_worker *worker;
    struct nw_channel *channel[CHANNELS];
    uint32_t sent[WORKERS], received, broadcast;
};

static pthread_barrier_t together;
static long before, after;

static void take(struct end *end)
{
    const void *message;
    uint32_t length;
    unsigned from;
    for (unsigned i = 0; i < CHANNELS; i++)
        while (nw_receive(end->channel[i], &from, &message, &length) == 0)
            end->received++;
}

/* What has room; every other message in place and without a flush. */
static void send_some(struct end *end, unsigned to, uint32_t count)
{
    const uint64_t message = 1;
    int error = 0;
    while (end->sent[to] < count && error == 0) {
        struct nw_channel *channel = end->channel[end->sent[to] / 2 % CHANNELS];
        void *at;
        if (end->sent[to] % 2 == 0)
            error = nw_send(channel, to, &message, sizeof(message));
        else if ((error = nw_send_begin(channel, to, sizeof(message), &at)) == 0) {
            memcpy(at, &message, sizeof(message));
            error = nw_send_end(channel, to, false);
        }
        CHECK(error == 0 || error == -EAGAIN);
        end->sent[to] += error == 0;
    }
}

static bool has_more_to_send(const struct end *end, uint32_t count)
{
    for (unsigned to = 0; to < WORKERS; to++)
        if (end->sent[to] < count)
            return true;
    return end->broadcast < BROADCASTS;
}

static void send_to_all(struct end *end)
{
    const uint64_t message = 2;
    int count = 0;
    while (end->broadcast < BROADCASTS && count != -EAGAIN) {
        count = nw_broadcast(end->channel[0], &message, sizeof(message));
        CHECK(count == -EAGAIN || count == WORKERS - 1);
        end->broadcast += count > 0;
    }
}

static void pass(struct end *end, uint32_t count)
{
    const uint32_t all = WORKERS * count + (WORKERS - 1) * BROADCASTS;
    memset(end->sent, 0, sizeof(end->sent));
    end->received = end->broadcast = 0;
    while (has_more_to_send(end, count) || end->received < all) {
        for (unsigned to = 0; to < WORKERS; to++)
            send_some(end, to, count);
        send_to_all(end);
        take(end);
        if (has_more_to_send(end, count) || end->received < all)
            CHECK(nw_wait(end->worker, -1) == 0);
    }
    for (unsigned i = 0; i < SLEEPS; i++) {
        CHECK(nw_wake(end->worker, (nw_worker_index(end->worker) + 1) % WORKERS) == 0);
        nw_wait(end->worker, SLEEP_NS);
    }
}

static int work(struct nw_worker *worker, void *ignored)
{
    struct end end = {.worker = worker};
    (void)ignored;
    CHECK(nw_channel_open(worker, 0, sizeof(uint64_t), 8, &end.channel[0]) == 0);
    CHECK(nw_channel_open(worker, 1, 0, 128, &end.channel[1]) == 0);
    pass(&end, FEW);
    pthread_barrier_wait(&together);
    if (nw_worker_index(worker) == 0)
        before = atomic_load(&calls);
    pthread_barrier_wait(&together);
    pass(&end, MANY);
    pthread_barrier_wait(&together);
    if (nw_worker_index(worker) == 0)
        after = atomic_load(&calls) - before;
    pthread_barrier_wait(&together);
    return 0;
}

int main(int argc, char **argv)
{
    const struct nw_exchange_options options = {.size = sizeof(options), .peers = WORKERS};
    CHECK(nw_governed() == told(argc, argv, "governed"));
    CHECK(pthread_barrier_init(&together, NULL, WORKERS) == 0);
    CHECK(nw_exchange_run(&options, work, NULL, NULL) == WORKERS);
    CHECK(before > 0);
    printf("%ld before, %ld after\n", before, after);
    return 0;
}
