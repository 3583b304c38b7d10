/*
 * holds: threads that stay until they may go.
 *
 *   holds THREADS READY GO                   makes the file READY when all run, ends when the file GO exists
 *   holds THREADS READY GO PROCESSES ORDER   so many children each have the threads, started "at_once" or "in_turn",
 *                                            each when the threads of the one before run. Says how many CPUs the
 *                                            threads of all may use together.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 64u

static const char *ready, *go;
static struct {
    pthread_mutex_t mutex;
    unsigned running; /* threads of all processes */
    cpu_set_t cpus;   /* that they may use */
} * common;

static void wait_for_file(const char *path)
{
    while (access(path, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static int make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    return file && fclose(file) == 0 ? 0 : 1;
}

static void *stay(void *argument)
{
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
        abort();
    pthread_mutex_lock(&common->mutex);
    CPU_OR(&common->cpus, &common->cpus, &mine);
    common->running++;
    pthread_mutex_unlock(&common->mutex);
    wait_for_file(go);
    return argument;
}

static unsigned running(void)
{
    pthread_mutex_lock(&common->mutex);
    unsigned count = common->running;
    pthread_mutex_unlock(&common->mutex);
    return count;
}

static void wait_for_threads(unsigned count)
{
    while (running() < count)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static int start(pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, stay, NULL) != 0)
            return 1;
    return 0;
}

static void join(const pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static int hold_here(unsigned count)
{
    pthread_t threads[THREADS_MOST];
    if (start(threads, count) != 0)
        return 1;
    wait_for_threads(count);
    if (make_file(ready) != 0)
        return 1;
    join(threads, count);
    printf("%u threads done\n", count);
    return 0;
}

static int hold_in_children(unsigned count, unsigned processes, bool in_turn)
{
    int failed = 0, status;
    for (unsigned i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (!child) {
            pthread_t threads[THREADS_MOST];
            if (start(threads, count) != 0)
                _exit(1);
            join(threads, count);
            _exit(0);
        }
        if (in_turn)
            wait_for_threads((i + 1) * count);
    }
    wait_for_threads(processes * count);
    if (make_file(ready) != 0 || make_file(go) != 0)
        return 1;
    while (wait(&status) > 0)
        failed |= status != 0;
    printf("CPUs: %d\n", CPU_COUNT(&common->cpus));
    return failed;
}

int main(int argc, char **argv)
{
    unsigned count = argc == 4 || argc == 6 ? (unsigned)atoi(argv[1]) : 0;
    if (!count || count > THREADS_MOST)
        return 2;
    ready = argv[2];
    go = argv[3];
    common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED)
        return 1;
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&common->mutex, &shared);
    if (argc == 4)
        return hold_here(count);
    return hold_in_children(count, (unsigned)atoi(argv[4]), strcmp(argv[5], "in_turn") == 0);
}
