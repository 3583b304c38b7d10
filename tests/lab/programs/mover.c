/*
 * mover: a thread that works on one node, gets another name and with it a home on another node. Does what it has
 * follow?
 *
 *   mover [MIB [SECONDS]]      half of the MIB in small objects, half in one array; SECONDS: until it gives up
 *
 * The thread is called "before", then "after"; the policy says where these are. A second thread is called "before" as
 * well, and afterwards allocates where the first one was.
 *
 * Prints {"moved", "before_local", "local", "pages", "ms", "mistakes", "new_wrong", "other_wrong"}: whether the node
 * changed; pages of its objects on its node before and at the end; until 95 % of them were; objects with wrong
 * contents; pages of blocks allocated afterwards that stay elsewhere, by this thread and by the other one.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE    ((size_t)sysconf(_SC_PAGESIZE))
#define OBJECT  504u
#define ASKED   512u
#define ENOUGH  0.95
#define OBJECTS 4000u /* that are made afterwards */
#define TRIES   100u  /* 100 ms each */

static size_t count, array_size;
static uint32_t **objects, *array;
static pthread_barrier_t barrier;
static size_t other_wrong;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static unsigned node_here(void)
{
    unsigned cpu, node;
    if (syscall(SYS_getcpu, &cpu, &node, NULL) != 0)
        abort();
    return node;
}

struct tally {
    unsigned node, asked;
    size_t pages, local;
    void *at[ASKED];
};

static void ask(struct tally *tally)
{
    int nodes[ASKED];
    if (tally->asked && syscall(SYS_move_pages, 0, (unsigned long)tally->asked, tally->at, NULL, nodes, 0) != 0)
        abort();
    for (unsigned i = 0; i < tally->asked; i++) {
        tally->pages += nodes[i] >= 0;
        tally->local += nodes[i] == (int)tally->node;
    }
    tally->asked = 0;
}

static void add(struct tally *tally, const void *address)
{
    void *page = (void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
    if (tally->asked && tally->at[tally->asked - 1] == page)
        return;
    tally->at[tally->asked++] = page;
    if (tally->asked == ASKED)
        ask(tally);
}

static struct tally tally_all(void)
{
    struct tally tally = {.node = node_here()};
    for (size_t i = 0; i < count; i++)
        add(&tally, objects[i]);
    for (size_t i = 0; i < array_size; i += PAGE)
        add(&tally, (char *)array + i);
    ask(&tally);
    return tally;
}

static void fill(uint32_t *words, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size / sizeof(*words); i++)
        words[i] = seed + (uint32_t)i;
}

static bool is_filled(const uint32_t *words, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size / sizeof(*words); i++)
        if (words[i] != seed + (uint32_t)i)
            return false;
    return true;
}

static size_t mistakes(void)
{
    size_t wrong = !is_filled(array, array_size, 99);
    for (size_t i = 0; i < count; i++)
        wrong += !is_filled(objects[i], OBJECT, (uint32_t)i);
    return wrong;
}

static size_t count_wrong(void *const *made)
{
    struct tally tally = {.node = node_here()};
    for (size_t i = 0; i < OBJECTS; i++)
        add(&tally, made[i]);
    ask(&tally);
    return tally.pages - tally.local;
}

/* A page that was freed while a batch with it was under way comes home when the batch has ended. */
static size_t wrong_of_new(void)
{
    static __thread void *made[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        made[i] = malloc(i % 100 ? OBJECT : 1 << 20);
        memset(made[i], 1, OBJECT);
    }
    size_t wrong = count_wrong(made);
    for (unsigned tries = 0; wrong && tries < TRIES; tries++) {
        usleep(100000);
        wrong = count_wrong(made);
    }
    for (size_t i = 0; i < OBJECTS; i++)
        free(made[i]);
    return wrong;
}

static void *other(void *argument)
{
    pthread_setname_np(pthread_self(), "before");
    free(malloc(100));
    pthread_barrier_wait(&barrier); /* the first one has moved, and freed all */
    other_wrong = wrong_of_new();
    return argument;
}

static void *work(void *argument)
{
    long seconds = *(long *)argument;
    struct tally tally;
    size_t before;
    pthread_setname_np(pthread_self(), "before");
    usleep(50000);
    unsigned from = node_here();
    objects = malloc(count * sizeof(*objects));
    for (size_t i = 0; i < count; i++)
        fill(objects[i] = malloc(OBJECT), OBJECT, (uint32_t)i);
    fill(array = malloc(array_size), array_size, 99);
    before = tally_all().local;
    pthread_setname_np(pthread_self(), "after");
    uint64_t began = now_ms();
    do
        tally = tally_all();
    while ((double)tally.local < ENOUGH * (double)tally.pages && now_ms() < began + (uint64_t)seconds * 1000);
    began = now_ms() - began;
    size_t wrong = mistakes();
    size_t new_wrong = wrong_of_new();
    for (size_t i = 0; i < count; i++)
        free(objects[i]);
    free(objects);
    free(array);
    pthread_barrier_wait(&barrier);
    printf("{\"moved\": %s, \"before_local\": %zu, \"local\": %zu, \"pages\": %zu, \"ms\": %lu, \"mistakes\": %zu, "
           "\"new_wrong\": %zu, ",
           from != node_here() ? "true" : "false", before, tally.local, tally.pages, (unsigned long)began, wrong,
           new_wrong);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 16) << 20;
    long seconds = argc > 2 ? atol(argv[2]) : 20;
    pthread_t threads[2];
    count = size / 2 / 512;
    array_size = size / 2;
    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&threads[0], NULL, work, &seconds) != 0 || pthread_create(&threads[1], NULL, other, NULL) != 0)
        return 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    printf("\"other_wrong\": %zu}\n", other_wrong);
    return 0;
}
