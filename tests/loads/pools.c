/*
 * pools lifo|fifo [THREADS] [USES] [BUFFERS]: a pool of buffers of 32 KiB that main made. A thread takes one, fills it,
 * reads it and gives it back: the one that was given back last, or the one that waits longest.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/loads/team.h"

#define WORDS (32768u / sizeof(uint64_t))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned threads, uses, size, first, count;
static bool last_first;
static uint64_t **buffers;
static _Atomic uint64_t wrong;

static uint64_t *take(void)
{
    pthread_mutex_lock(&lock);
    count--;
    uint64_t *buffer = buffers[last_first ? count : first];
    if (!last_first)
        first = (first + 1) % size;
    pthread_mutex_unlock(&lock);
    return buffer;
}

static void give(uint64_t *buffer)
{
    pthread_mutex_lock(&lock);
    buffers[last_first ? count : (first + count) % size] = buffer;
    count++;
    pthread_mutex_unlock(&lock);
}

static void work(unsigned number)
{
    uint64_t found = 0;
    for (unsigned use = 0; use < uses; use++) {
        uint64_t *buffer = take();
        for (unsigned i = 0; i < WORDS; i++)
            buffer[i] = number + use + i;
        for (unsigned i = 0; i < WORDS; i++)
            found += buffer[i] != number + use + i;
        give(buffer);
    }
    wrong += found;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 2, 8);
    uses = team_word(argc, argv, 3, 200);
    size = team_word(argc, argv, 4, 48);
    if (argc < 2 || size < threads)
        return 2;
    last_first = strcmp(argv[1], "lifo") == 0;
    buffers = team_allocate(size * sizeof(*buffers));
    for (unsigned i = 0; i < size; i++)
        give(memset(team_allocate(WORDS * sizeof(uint64_t)), 0, WORDS * sizeof(uint64_t)));
    team_run(threads, work);
    return team_answer("pools", wrong + (size - count), 0);
}
