/*
 * pipeline [PIPELINES] [BUFFERS] [BYTES]: pipelines of four threads. The first makes buffers, each of the others works on
 * them, the last frees them. Every buffer is used by all threads of one pipeline, and by no other.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/loads/team.h"

#define STAGES 4u
#define ROOM   8u /* buffers between two stages */

struct queue {
    _Alignas(128) pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t *items[ROOM];
    unsigned put, taken;
};

static unsigned buffers;
static size_t words;
static struct queue queues[TEAM_MOST];
static _Atomic uint64_t wrong;

static void put(struct queue *queue, uint64_t *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->put - queue->taken == ROOM)
        pthread_cond_wait(&queue->changed, &queue->lock);
    queue->items[queue->put++ % ROOM] = item;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static uint64_t *take(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->put == queue->taken)
        pthread_cond_wait(&queue->changed, &queue->lock);
    uint64_t *item = queue->items[queue->taken++ % ROOM];
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return item;
}

static uint64_t *make(unsigned number)
{
    uint64_t *buffer = team_allocate(words * sizeof(*buffer));
    for (size_t i = 0; i < words; i++)
        buffer[i] = number + i;
    return buffer;
}

static void finish(uint64_t *buffer, unsigned number)
{
    uint64_t found = 0;
    for (size_t i = 0; i < words; i++)
        found += buffer[i] != number + i + STAGES - 2;
    wrong += found;
    free(buffer);
}

static void work(unsigned number)
{
    unsigned stage = number % STAGES;
    struct queue *to = &queues[number], *from = to - 1;
    for (unsigned n = 0; n < buffers; n++) {
        uint64_t *buffer = stage ? take(from) : make(n);
        if (stage == STAGES - 1) {
            finish(buffer, n);
            continue;
        }
        for (size_t i = 0; stage && i < words; i++)
            buffer[i]++;
        put(to, buffer);
    }
}

int main(int argc, char **argv)
{
    unsigned pipelines = team_word(argc, argv, 1, 2);
    buffers = team_word(argc, argv, 2, 2000);
    words = team_word(argc, argv, 3, 4096) / sizeof(uint64_t);
    if (pipelines > TEAM_MOST / STAGES)
        return 2;
    for (unsigned i = 0; i < pipelines * STAGES; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].changed, NULL);
    }
    team_run(pipelines * STAGES, work);
    return team_answer("pipeline", wrong, 0);
}
