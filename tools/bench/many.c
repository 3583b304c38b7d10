/*
 * The cost of threads by their number.
 *
 *   bench-many live COUNT   threads that are there at once: ns a creation, the fastest of five rounds
 *   bench-many self COUNT   the same, and each pins itself to the CPUs in turn and reads that back
 *   bench-many short COUNT  one after the other: a line a tenth: ns a creation and join, resident KiB
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER, over = PTHREAD_COND_INITIALIZER;
static unsigned there, round_over;
static bool pins_itself;

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void pin_itself(void)
{
    static atomic_uint turn;
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t one, got;
    CPU_ZERO(&one);
    CPU_SET(turn++ % cpus, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0 || sched_getaffinity(0, sizeof(got), &got) != 0)
        exit(1);
}

static void *wait_for_end(void *count)
{
    unsigned mine = round_over;
    if (pins_itself)
        pin_itself();
    pthread_mutex_lock(&lock);
    if (++there == (unsigned)(size_t)count)
        pthread_cond_signal(&all_there);
    while (round_over == mine)
        pthread_cond_wait(&over, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *end_at_once(void *unused)
{
    return unused;
}

/* All threads made, and each of them past its start. */
static double one_round(pthread_t *threads, unsigned count, const pthread_attr_t *attributes)
{
    double began = now_ns();
    there = 0;
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], attributes, wait_for_end, (void *)(size_t)count) != 0) {
            fprintf(stderr, "no more than %u threads\n", i);
            exit(1);
        }
    pthread_mutex_lock(&lock);
    while (there < count)
        pthread_cond_wait(&all_there, &lock);
    double took = now_ns() - began;
    round_over++;
    pthread_cond_broadcast(&over);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return took / count;
}

static int live(unsigned count)
{
    pthread_t *threads = calloc(count, sizeof(*threads));
    pthread_attr_t attributes;
    double best = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (int round = 0; round < ROUNDS; round++) {
        double took = one_round(threads, count, &attributes);
        if (round == 0 || took < best)
            best = took;
    }
    printf("%.0f\n", best);
    free(threads);
    return 0;
}

static long resident_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static int one_after_the_other(unsigned count)
{
    for (unsigned part = 0; part < 10; part++) {
        double began = now_ns();
        for (unsigned i = 0; i < count / 10; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, end_at_once, NULL) != 0)
                return 1;
            pthread_join(thread, NULL);
        }
        printf("%.0f %ld\n", (now_ns() - began) / (count / 10), resident_kib());
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (argc < 3 || count < 10)
        return 2;
    pins_itself = strcmp(argv[1], "self") == 0;
    return strcmp(argv[1], "short") == 0 ? one_after_the_other(count) : live(count);
}
