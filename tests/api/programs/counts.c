/* Counters: nothing that is added is lost, also by a signal handler and on a machine that only seems to be that large. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define THREADS 4
#define ROUNDS  100000

static struct nw_counter *counter;

static void handle(int signal)
{
    (void)signal;
    nw_counter_add(counter, 1000000);
}

static void *adds(void *registry)
{
    if (registry)
        CHECK(nw_registry_take((struct nw_registry *)registry, NW_ANY_SLOT, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++)
        nw_counter_add(counter, i % 2 ? 3 : -1);
    CHECK(raise(SIGUSR1) == 0);
    return NULL;
}

static void threads_add(struct nw_registry *registry)
{
    pthread_t threads[THREADS];
    CHECK(nw_counter_open(&counter) == 0);
    CHECK(nw_counter_sum(counter) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, adds, registry) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(nw_counter_sum(counter) == (int64_t)THREADS * (ROUNDS + 1000000));
}

static void child_has_its_own(void)
{
    struct nw_counter *another;
    int64_t before = nw_counter_sum(counter);
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        nw_counter_add(counter, 5);
        CHECK(nw_counter_sum(counter) == before + 5);
        CHECK(nw_counter_open(&another) == -ECHILD);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(nw_counter_sum(counter) == before);
}

struct padded {
    char first;
    NW_PADDED long second;
};

int main(int argc, char **argv)
{
    struct nw_registry *registry;
    struct padded padded[2];
    if (told(argc, argv, "mmap")) {
        CHECK(nw_counter_open(&counter) == -ENOMEM);
        return 0;
    }
    CHECK(signal(SIGUSR1, handle) != SIG_ERR);
    threads_add(NULL);
    child_has_its_own();
    nw_counter_close(counter);
    CHECK(nw_registry_open(NW_EXACTLY, 1024, "numa:4 core:256 pu:1", &registry) == 0);
    threads_add(registry);
    nw_counter_close(counter);
    nw_registry_close(registry);
    nw_counter_close(NULL);
    CHECK((char *)&padded[1].second - (char *)&padded[0].second == 2 * NW_CACHE_LINE);
    CHECK((char *)&padded[0].second - &padded[0].first == NW_CACHE_LINE);
    return 0;
}
