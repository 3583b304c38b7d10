/* The load of exchange.h with an exchange of nodewise.h. Prints "nodewise NS", nanoseconds a message. */
#include <errno.h>
#include <nodewise.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/bench/api/exchange.h"

enum {
    ROOM = 2048
}; /* with its WORKERS rings a worker has the memory of crossbeam's bounded queue, 8192 of 16 bytes */

struct state {
    struct nw_worker *worker;
    struct nw_channel *channel;
    uint64_t received, sum;
};

static int take_what_is_there(struct state *state)
{
    const void *message;
    uint32_t length;
    unsigned from;
    int error;
    while ((error = nw_receive(state->channel, &from, &message, &length)) == 0) {
        uint64_t word;
        memcpy(&word, message, sizeof(word));
        state->sum += word;
        state->received++;
    }
    nw_receive_end(state->channel);
    return error == -EAGAIN || error == -EPIPE ? 0 : error; /* all others may have left behind their last message */
}

static int put(struct state *state, unsigned to, uint64_t word)
{
    int error;
    while ((error = nw_send(state->channel, to, &word, sizeof(word))) == -EAGAIN) {
        uint64_t before = state->received;
        error = take_what_is_there(state);
        if (error == 0 && state->received == before)
            error = nw_wait(state->worker, -1);
        if (error)
            return error;
    }
    return error;
}

static int run(struct nw_worker *worker, void *context)
{
    struct state state = {.worker = worker};
    (void)context;
    int error = nw_channel_open(worker, 0, sizeof(uint64_t), ROOM, &state.channel);
    for (uint64_t i = 0; i < MESSAGES && !error; i += BATCH) {
        for (unsigned to = 0; to < WORKERS && !error; to++)
            for (uint64_t word = i; word < i + BATCH && !error; word++)
                error = put(&state, to, word);
        if (!error)
            error = take_what_is_there(&state);
    }
    while (!error && state.received < (uint64_t)WORKERS * MESSAGES) {
        error = nw_wait(worker, -1);
        if (!error)
            error = take_what_is_there(&state);
    }
    return error ? error : state.sum == (uint64_t)WORKERS * MESSAGES / 2 * (MESSAGES - 1) ? 0 : -EBADMSG;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void)
{
    struct nw_exchange_options options = {.size = sizeof(options), .peers = WORKERS};
    int results[WORKERS];
    double begin = now();
    if (nw_exchange_run(&options, run, NULL, results) != WORKERS)
        return 1;
    double took = now() - begin;
    for (int i = 0; i < WORKERS; i++)
        if (results[i]) {
            fprintf(stderr, "worker %d: %s\n", i, strerror(-results[i]));
            return 1;
        }
    printf("nodewise %.1f\n", took / WORKERS / WORKERS / MESSAGES);
    return 0;
}
