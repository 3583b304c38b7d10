/* A library whose constructor waits for a thread: the loader holds its lock until the constructor is done. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What no one in the program has called before. */
static void *work(void *argument)
{
    struct timespec moment = {0, 1000};
    struct pollfd none = {.fd = -1};
    struct rlimit limit = {1, 1};
    cpu_set_t cpus;
    FILE *file = fopen("/dev/null", "r");
    pthread_setname_np(pthread_self(), "plugin");
    sched_getaffinity(0, sizeof(cpus), &cpus);
    pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
    nanosleep(&moment, NULL);
    poll(&none, 1, 0);
    setrlimit(RLIMIT_CORE, &limit);
    fclose(file);
    *(int *)argument = sysconf(_SC_NPROCESSORS_ONLN) > 0;
    return argument;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;
    int done = 0;
    if (pthread_create(&thread, NULL, work, &done) == 0)
        pthread_join(thread, NULL);
    printf("plugin %d\n", done);
}
