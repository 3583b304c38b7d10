/*
 * What stays resident when a program frees all that it has and then does nothing at all: KiB at the start, at the peak,
 * and idle; then the number of its threads, and the most that were seen after the frees.
 *
 * goes_idle SHAPE MIB SECONDS [KIB]: waits until no more than KIB more than at the start are resident and no thread but
 * its own is left, or for so many seconds
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 200

static void **blocks;
static size_t count, total;
static pthread_barrier_t barrier;
static unsigned seed = 1;

static unsigned dice(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

/* KiB that a line of /proc/self/status says, without a call of malloc. */
static long status(const char *name)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, name);
    return line ? atol(line + strlen(name)) : -1;
}

static void fill(void **list, size_t number, size_t (*size)(void))
{
    for (size_t i = 0; i < number; i++) {
        size_t bytes = size();
        list[i] = memset(malloc(bytes), 1, bytes);
    }
}

static void free_shuffled(void **list, size_t number)
{
    for (size_t i = number; i-- > 0;) {
        size_t other = dice() % (i + 1);
        void *block = list[other];
        list[other] = list[i];
        free(block);
    }
}

static size_t size_big(void)
{
    return 200 << 10;
}

static size_t size_small(void)
{
    return 16 + dice() % 1000;
}

/* As many of each order of magnitude, up to 512 KiB. */
static size_t size_mixed(void)
{
    size_t most = (size_t)32 << dice() % 15;
    return most / 2 + dice() % (most / 2);
}

static void make(size_t (*size)(void), size_t mean)
{
    count = total / mean;
    blocks = malloc(count * sizeof(*blocks));
    fill(blocks, count, size);
}

static void *live(void *own)
{
    size_t number = total / THREADS / 512;
    void **list = malloc(number * sizeof(*list));
    fill(list, number, size_small);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < number; i++)
        free(list[i]);
    free(list);
    return own;
}

static void *produce_and_wait(void *own)
{
    make(size_small, 512);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return own;
}

static void *consume(void *own)
{
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
    return own;
}

static void start(pthread_t *thread, void *(*run)(void *))
{
    if (pthread_create(thread, NULL, run, NULL))
        exit(1);
}

static long use_and_free(const char *shape)
{
    static pthread_t threads[THREADS], consumer;
    long peak;
    if (!strcmp(shape, "ends")) {
        pthread_barrier_init(&barrier, NULL, THREADS + 1);
        for (int i = 0; i < THREADS; i++)
            start(&threads[i], live);
        pthread_barrier_wait(&barrier);
        peak = status("VmRSS:");
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        return peak;
    }
    if (!strcmp(shape, "handed")) {
        pthread_barrier_init(&barrier, NULL, 2);
        start(&threads[0], produce_and_wait);
        pthread_barrier_wait(&barrier);
        peak = status("VmRSS:");
        start(&consumer, consume);
        pthread_join(consumer, NULL);
        return peak;
    }
    make(!strcmp(shape, "big")     ? size_big
         : !strcmp(shape, "small") ? size_small
                                   : size_mixed,
         !strcmp(shape, "big")     ? 200 << 10
         : !strcmp(shape, "small") ? 512
                                   : 52400);
    peak = status("VmRSS:");
    free_shuffled(blocks, count);
    free(blocks);
    return peak;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    total = strtoul(argv[2], NULL, 10) << 20;
    double seconds = atof(argv[3]);
    long more = argc > 4 ? atol(argv[4]) : 0, threads = strcmp(argv[1], "handed") ? 1 : 2;
    free(malloc(1));
    long before = status("VmRSS:"), peak = use_and_free(argv[1]), most = 0;
    for (double until = now() + seconds; now() < until;) {
        most = status("Threads:") > most ? status("Threads:") : most;
        if (status("VmRSS:") <= before + more && status("Threads:") == threads)
            break;
        usleep(50000);
    }
    printf("%ld %ld %ld %ld %ld\n", before, peak, status("VmRSS:"), status("Threads:"), most);
    return 0;
}
