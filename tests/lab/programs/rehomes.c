/*
 * rehomes: a thread that goes on working while it moves to another node. For how much of its work is what it reads
 * still on the old one?
 *
 *   rehomes [MIB [PASSES]]     half of the MIB in small objects, half in one array; it reads all PASSES times
 *
 * The thread is called "before" while it makes them, then "after"; the policy says where these are. Counting (marks.h)
 * begins when it has its new name and ends with the last pass, so that what the counter calls remote are reads of the
 * old node's memory. What a read costs when nothing moves and all is near tells the same program without a policy.
 *
 * Prints {"moved", "bytes", "reads", "ns", "mistakes"}: whether the node changed; what the objects and the array take;
 * loads of eight bytes and the time they took; passes with a wrong sum.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/counter/marks.h"

#define WORDS 63u /* of an object: with the table's word, its 512 bytes */

static size_t count, array_words;
static unsigned passes = 20;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static unsigned node_here(void)
{
    unsigned cpu, node;
    if (syscall(SYS_getcpu, &cpu, &node, NULL) != 0)
        abort();
    return node;
}

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint64_t sum_of(const uint64_t *words, size_t number)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < number; i++)
        sum += ((const volatile uint64_t *)words)[i]; /* one load each, whatever the compiler could do */
    return sum;
}

static uint64_t pass_over(uint64_t *const *objects, const uint64_t *array)
{
    uint64_t sum = sum_of(array, array_words);
    for (size_t i = 0; i < count; i++)
        sum += sum_of(((uint64_t *const volatile *)objects)[i], WORDS);
    return sum;
}

static void fill(uint64_t *words, size_t number, uint64_t seed)
{
    for (size_t i = 0; i < number; i++)
        words[i] = seed + i;
}

static void *work(void *unused)
{
    uint64_t **objects, *array;
    unsigned mistakes = 0;
    pthread_setname_np(pthread_self(), "before");
    usleep(50000); /* older than what got its name a moment ago */
    unsigned from = node_here();
    objects = need(malloc(count * sizeof(*objects)));
    for (size_t i = 0; i < count; i++)
        fill(objects[i] = need(malloc(WORDS * sizeof(**objects))), WORDS, i);
    fill(array = need(malloc(array_words * sizeof(*array))), array_words, 99);
    uint64_t expected = pass_over(objects, array);
    pthread_setname_np(pthread_self(), "after");
    uint64_t began = now_ns();
    mark_store(MARK_START);
    for (unsigned i = 0; i < passes; i++)
        mistakes += pass_over(objects, array) != expected;
    mark_store(MARK_STOP);
    began = now_ns() - began;
    printf("{\"moved\": %s, \"bytes\": %zu, \"reads\": %zu, \"ns\": %lu, \"mistakes\": %u}\n",
           from != node_here() ? "true" : "false", count * (WORDS + 1) * 8 + array_words * 8,
           passes * (array_words + count * (WORDS + 1)), (unsigned long)began, mistakes);
    return unused;
}

int main(int argc, char **argv)
{
    size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 32) << 20;
    pthread_t thread;
    if (argc > 2)
        passes = (unsigned)atoi(argv[2]);
    count = size / 2 / ((WORDS + 1) * 8);
    array_words = size / 2 / 8;
    if (mmap((void *)(uintptr_t)MARK_PAGE, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED)
        return 1;
    mark_store(MARK_PAGE + 24); /* the page is there when counting begins */
    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
