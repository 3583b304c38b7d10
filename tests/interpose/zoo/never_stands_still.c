/*
 * Threads that are made, named, pinned by the program itself, allocate, map and end all the time, some of them for
 * good: never_stands_still. Checks every byte that it allocates. Ends well with its standard input.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 6

static atomic_bool over;
static atomic_ulong rounds, mistakes;

static void allocate(unsigned *seed)
{
    unsigned char *blocks[64];
    size_t sizes[64];
    for (int i = 0; i < 64; i++) {
        *seed = *seed * 1103515245 + 12345;
        sizes[i] = *seed >> 16 & 8191;
        blocks[i] = malloc(sizes[i] + 1);
        memset(blocks[i], i, sizes[i] + 1);
    }
    for (int i = 0; i < 64; i++) {
        if (blocks[i][0] != i || blocks[i][sizes[i]] != i)
            mistakes++;
        free(blocks[i]);
    }
}

static void map(void)
{
    size_t size = 2 << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = memory[size - 1] = 1;
    munmap(memory, size);
}

static void *short_life(void *number)
{
    char name[16];
    unsigned seed = (unsigned)(size_t)number + 1;
    snprintf(name, sizeof(name), "short-%u", (unsigned)(size_t)number % 10);
    pthread_setname_np(pthread_self(), name);
    allocate(&seed);
    return NULL;
}

static void *work(void *number)
{
    unsigned seed = (unsigned)(size_t)number + 7;
    cpu_set_t set;
    char name[16];
    while (!over) {
        pthread_t thread;
        snprintf(name, sizeof(name), "%s-%u", rounds % 2 ? "even" : "odd", (unsigned)(size_t)number);
        pthread_setname_np(pthread_self(), name);
        allocate(&seed);
        map();
        sched_getaffinity(0, sizeof(set), &set);
        sched_setaffinity(0, sizeof(set), &set);
        if (pthread_create(&thread, NULL, short_life, number) == 0)
            pthread_join(thread, NULL);
        if (seed % 64 == 0) {
            pid_t child = fork();
            int status;
            if (child == 0)
                _exit(0);
            if (waitpid(child, &status, 0) != child || status != 0)
                mistakes++;
        }
        rounds++;
        usleep(500);
    }
    return NULL;
}

int main(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    puts("ready");
    fflush(stdout);
    poll(&input, 1, -1);
    over = 1;
    for (size_t i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    printf("%s, %lu mistakes\n", rounds > 100 ? "many rounds" : "few rounds", mistakes);
    return mistakes != 0;
}
