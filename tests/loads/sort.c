/*
 * sort [THREADS] [KEYS]: main makes an array of keys; each thread sorts its part in place, and half of the threads then
 * merge two parts each through a buffer of their own, until one part is left.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/loads/team.h"

static unsigned threads;
static size_t count;
static uint32_t *keys;

static int by_key(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void merge(size_t first, size_t middle, size_t end)
{
    uint32_t *merged = team_allocate((end - first) * sizeof(*merged));
    size_t a = first, b = middle;
    for (size_t to = 0; to < end - first; to++)
        merged[to] = b >= end || (a < middle && keys[a] <= keys[b]) ? keys[a++] : keys[b++];
    memcpy(keys + first, merged, (end - first) * sizeof(*merged));
    free(merged);
}

static void work(unsigned number)
{
    size_t first = team_part(count, number, threads);
    qsort(keys + first, team_part(count, number + 1, threads) - first, sizeof(*keys), by_key);
    for (unsigned width = 1; width < threads; width *= 2) {
        team_meet();
        if (number % (2 * width) != 0 || number + width >= threads)
            continue;
        unsigned end = number + 2 * width < threads ? number + 2 * width : threads;
        merge(first, team_part(count, number + width, threads), team_part(count, end, threads));
    }
}

int main(int argc, char **argv)
{
    uint64_t random = 1, before = 0, after = 0, unsorted = 0;
    threads = team_word(argc, argv, 1, 8);
    count = team_word(argc, argv, 2, 500000);
    keys = team_allocate(count * sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        before += keys[i] = team_random(&random);
    team_run(threads, work);
    for (size_t i = 0; i < count; i++) {
        after += keys[i];
        unsorted += i && keys[i - 1] > keys[i];
    }
    return team_answer("sort", after + unsorted, before);
}
