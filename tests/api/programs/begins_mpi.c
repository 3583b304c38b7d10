/*
 * A program that has begun MPI itself.
 *
 *   begins_mpi single|funneled|serialized   prints what nw_exchange_run() answers
 *   begins_mpi multiple                     the same, with workers that use MPI, too; then what it answers when MPI has ended
 *   begins_mpi ends                         ends MPI while its exchange is open, and prints what becomes of that
 */
#include <errno.h>
#include <mpi.h>
#include <nodewise.h>
#include <stdint.h>

#include "check.h"

static struct nw_exchange_options options;
static int ranks;

static int sum(struct nw_worker *worker, void *context)
{
    unsigned self = nw_worker_index(worker), peers = nw_worker_peers(worker), from, all = 0;
    struct nw_channel *channel;
    const void *message;
    uint32_t length;
    int one = 1, count = 0;
    (void)context;
    CHECK(nw_channel_open(worker, 1, sizeof(self), 1, &channel) == 0);
    for (unsigned to = 0; to < peers; to++)
        CHECK(nw_send(channel, to, &self, sizeof(self)) == 0);
    CHECK(MPI_Allreduce(&one, &count, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD) == MPI_SUCCESS && count == ranks);
    for (unsigned i = 0; i < peers; i++) {
        while (nw_receive(channel, &from, &message, &length) == -EAGAIN)
            CHECK(nw_wait(worker, -1) == 0);
        all += *(const unsigned *)message;
        nw_receive_end(channel);
    }
    return (int)all;
}

static void run(void)
{
    int result = -1;
    int count = nw_exchange_run(&options, sum, NULL, &result);
    if (count < 0)
        printf("%d\n", count);
    else
        printf("%d: %d\n", count, result);
}

/* What others sent last may not have come; but nothing waits, and nothing ends the process. */
static void end_while_it_is_open(void)
{
    struct nw_exchange *exchange;
    struct nw_worker *worker;
    const char *words;
    CHECK(nw_exchange_open(&options, &exchange) == 0);
    CHECK(nw_exchange_join(exchange, -1, &worker) == 0);
    for (unsigned i = 0; i < nw_worker_peers(worker); i++)
        while (nw_worker_peer(worker, i) == NW_PEER_ABSENT)
            CHECK(nw_wait(worker, -1) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    CHECK(nw_worker_error(worker, &words) == 0 && !words[0]);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    for (unsigned i = 0; i < nw_worker_peers(worker); i++)
        while (i != nw_worker_index(worker) && nw_worker_peer(worker, i) != NW_PEER_LEFT)
            CHECK(nw_wait(worker, -1) == 0);
    printf("%d\n", nw_worker_error(worker, &words));
    nw_worker_leave(worker);
    CHECK(nw_exchange_close(exchange) == 0);
}

int main(int argc, char **argv)
{
    int level = told(argc, argv, "single")       ? MPI_THREAD_SINGLE
                : told(argc, argv, "funneled")   ? MPI_THREAD_FUNNELED
                : told(argc, argv, "serialized") ? MPI_THREAD_SERIALIZED
                                                 : MPI_THREAD_MULTIPLE;
    int got;
    CHECK(MPI_Init_thread(&argc, &argv, level, &got) == MPI_SUCCESS && got >= level);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    options.size = sizeof(options);
    options.peers = (unsigned)ranks;
    options.transport = "mpi";
    if (told(argc, argv, "ends")) {
        end_while_it_is_open();
        return 0;
    }
    run();
    MPI_Finalize();
    if (level == MPI_THREAD_MULTIPLE)
        run();
    return 0;
}
