/*
 * An exchange of 8 workers for tests that look at its rings from outside. Each fills a small and a large ring to each, itself
 * included. It says where they run and where the rings' messages lie, then another process says what the kernel knows:
 *
 *   worker INDEX NODE
 *   ring FROM TO ADDRESS
 *   maps
 *   …               /proc/PID/numa_maps
 *   done
 */
#include <errno.h>
#include <nodewise.h>
#include <unistd.h>

#include "tests/api/programs/check.h"

enum { WORKERS = 8, SMALL = 8, LARGE = 4096, ROOM = 16 };

static pthread_barrier_t together;

static void fill(struct nw_channel *channel, unsigned from, unsigned to, uint32_t size)
{
    void *at;
    int error;
    for (unsigned count = 0; (error = nw_send_begin(channel, to, size, &at)) == 0; count++) {
        if (count == 0)
            printf("ring %u %u %p\n", from, to, at);
        memset(at, 1, size);
        CHECK(nw_send_end(channel, to, true) == 0);
    }
    CHECK(error == -EAGAIN);
}

static void tell_maps(void)
{
    char command[64];
    snprintf(command, sizeof(command), "cat /proc/%d/numa_maps", (int)getpid());
    printf("maps\n");
    fflush(stdout);
    CHECK(system(command) == 0);
    printf("done\n");
}

static int work(struct nw_worker *worker, void *ignored)
{
    unsigned self = nw_worker_index(worker);
    struct nw_channel *small, *large;
    (void)ignored;
    CHECK(nw_channel_open(worker, 1, SMALL, ROOM, &small) == 0);
    CHECK(nw_channel_open(worker, 2, LARGE, ROOM, &large) == 0);
    printf("worker %u %d\n", self, nw_self().node);
    for (unsigned to = 0; to < WORKERS; to++) {
        fill(small, self, to, SMALL);
        fill(large, self, to, LARGE);
    }
    pthread_barrier_wait(&together);
    if (self == 0)
        tell_maps();
    pthread_barrier_wait(&together);
    return 0;
}

int main(int argc, char **argv)
{
    const struct nw_exchange_options options = {.size = sizeof(options), .peers = WORKERS, .mode = NW_HARD};
    CHECK(nw_governed() == told(argc, argv, "governed"));
    CHECK(pthread_barrier_init(&together, NULL, WORKERS) == 0);
    CHECK(nw_exchange_run(&options, work, NULL, NULL) == WORKERS);
    return 0;
}
