/*
 * stealing [THREADS] [DEPTH] [BYTES]: tasks that split in two, in a deque for each thread; a thread without tasks takes
 * the oldest of another. The last ones make a block, fill it, add it up and free it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tests/loads/team.h"

#define ROOM 64u

struct deque {
    _Alignas(128) pthread_mutex_t lock;
    unsigned depths[ROOM]; /* tasks: how often each splits yet */
    unsigned first, count;
};

static unsigned threads, depth_most;
static size_t words;
static struct deque deques[TEAM_MOST];
static _Atomic uint64_t unfinished = 1, sum;

static void push(struct deque *deque, unsigned depth)
{
    pthread_mutex_lock(&deque->lock);
    deque->depths[(deque->first + deque->count++) % ROOM] = depth;
    pthread_mutex_unlock(&deque->lock);
}

static bool take(struct deque *deque, bool oldest, unsigned *ret_depth)
{
    pthread_mutex_lock(&deque->lock);
    bool found = deque->count > 0;
    if (found) {
        deque->count--;
        *ret_depth = deque->depths[(deque->first + (oldest ? 0 : deque->count)) % ROOM];
        deque->first = (deque->first + oldest) % ROOM;
    }
    pthread_mutex_unlock(&deque->lock);
    return found;
}

static uint64_t finish(void)
{
    uint64_t total = 0, *block = team_allocate(words * sizeof(*block));
    for (size_t i = 0; i < words; i++)
        block[i] = i;
    for (unsigned round = 0; round < 8; round++)
        for (size_t i = 0; i < words; i++)
            total += block[i];
    free(block);
    return total;
}

static void work(unsigned number)
{
    uint64_t mine = 0, random = number + 1;
    while (unfinished) {
        unsigned depth, victim = team_random(&random) % threads;
        if (!take(&deques[number], false, &depth) && !take(&deques[victim], true, &depth)) {
            sched_yield();
        } else if (depth) {
            unfinished++;
            push(&deques[number], depth - 1);
            push(&deques[number], depth - 1);
        } else {
            mine += finish();
            unfinished--;
        }
    }
    sum += mine;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    depth_most = team_word(argc, argv, 2, 11);
    words = team_word(argc, argv, 3, 4096) / sizeof(uint64_t);
    if (depth_most > 30)
        return 2;
    for (unsigned i = 0; i < threads && i < TEAM_MOST; i++)
        pthread_mutex_init(&deques[i].lock, NULL);
    push(&deques[0], depth_most);
    team_run(threads, work);
    return team_answer("stealing", sum, ((uint64_t)1 << depth_most) * 8 * (words * (words - 1) / 2));
}
