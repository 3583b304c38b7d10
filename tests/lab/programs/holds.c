/*
 * holds: threads that stay until they may go.
 *
 *   holds THREADS READY GO      makes the file READY when all run, ends when the file GO exists
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 64u

static const char *ready, *go;
static pthread_barrier_t all_run;

static void *stay(void *argument)
{
    pthread_barrier_wait(&all_run);
    while (access(go, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MOST];
    unsigned count = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
    if (!count || count > THREADS_MOST)
        return 2;
    ready = argv[2];
    go = argv[3];
    pthread_barrier_init(&all_run, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, stay, NULL) != 0)
            return 1;
    pthread_barrier_wait(&all_run);
    FILE *file = fopen(ready, "w");
    if (!file || fclose(file) != 0)
        return 1;
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%u threads done\n", count);
    return 0;
}
