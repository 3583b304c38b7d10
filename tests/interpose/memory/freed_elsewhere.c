/*
 * What small blocks leave behind that are freed where they were not made: resident KiB at the start, with all blocks,
 * when they are freed, and after a second of normal work.
 *
 * freed_elsewhere ended MIB        a thread makes them and ends, main frees them
 * freed_elsewhere waiting MIB      a thread makes them and waits for the end of the program, main frees them
 * freed_elsewhere lazily MIB       the same, but a thread frees them that does nothing else
 * freed_elsewhere trimmed MIB      main frees them and calls malloc_trim
 * freed_elsewhere moved MIB CPU    main makes them and frees every second one, goes to the CPU and frees the others
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resident.h"

#define LARGEST 1016u

static void **blocks;
static size_t count;
static sem_t made;

static void *make(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < count; i++) {
        size_t size = 16 + i % (LARGEST - 16);
        blocks[i] = malloc(size);
        memset(blocks[i], 1, size);
    }
    return NULL;
}

static void *make_and_wait(void *unused)
{
    static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
    make(unused);
    sem_post(&made);
    pthread_mutex_lock(&never);
    pthread_mutex_lock(&never);
    return NULL;
}

static void free_some(size_t first, size_t step)
{
    for (size_t i = first; i < count; i += step)
        free(blocks[i]);
}

static void *free_all(void *unused)
{
    free_some(0, 1);
    return unused;
}

static void go_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set)) {
        perror("sched_setaffinity");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    long all;
    pthread_t thread;
    if (argc < 3)
        return 2;
    work(0.01);
    long start = resident();
    count = strtoul(argv[2], NULL, 10) * (1u << 20) / ((LARGEST + 16) / 2);
    blocks = malloc(count * sizeof(*blocks));
    if (!strcmp(argv[1], "waiting") || !strcmp(argv[1], "lazily") || !strcmp(argv[1], "trimmed")) {
        sem_init(&made, 0, 0);
        pthread_create(&thread, NULL, make_and_wait, NULL);
        sem_wait(&made);
        all = resident();
        if (strcmp(argv[1], "lazily") != 0) {
            free_all(NULL);
        } else {
            pthread_create(&thread, NULL, free_all, NULL);
            pthread_join(thread, NULL);
        }
    } else if (!strcmp(argv[1], "ended")) {
        pthread_create(&thread, NULL, make, NULL);
        pthread_join(thread, NULL);
        all = resident();
        free_some(0, 1);
    } else {
        go_to(0);
        make(NULL);
        all = resident();
        free_some(0, 2);
        go_to(atoi(argv[3]));
        free_some(1, 2);
    }
    if (!strcmp(argv[1], "trimmed"))
        malloc_trim(0);
    long freed = resident();
    free(blocks);
    work(1.2);
    printf("%ld %ld %ld %ld\n", start, all, freed, resident());
    return 0;
}
