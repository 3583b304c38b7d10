/*
 * locality: the ways in which threaded programs use memory, for the access counter.
 *
 *   locality LOAD [THREADS]
 *
 *   own      each thread keeps a table of objects, replaces some and reads all
 *   handover a thread makes objects that the next one reads and frees, round a ring
 *   array    main allocates and initialises one array; each thread then works on its part
 *   short    many short-lived threads, each with objects of its own
 *   pool     a pool of buffers made by main; threads take one, fill it, read it, give it back
 *
 * Each load does some millions of accesses. The result is a checksum, so that nothing is optimised away; behind it, how
 * many loads were of objects that were handed over from a thread on another node, which no placement of memory makes
 * local.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MOST 64u
#define OBJECTS      3000u
#define ARRAY_BYTES  (16u << 20)
#define ARRAY_ROUNDS 60u
#define BUFFERS      48u
#define BUFFER_BYTES 32768u

struct worker {
    unsigned number;
    uint64_t random, sum;
    uint64_t far; /* loads of what was handed over from another node */
    pthread_t id;
};

struct object {
    uint32_t size; /* bytes behind it */
    uint32_t data[];
};

static unsigned threads = 8;
static struct worker workers[THREADS_MOST];
static pthread_barrier_t barrier;

static uint32_t next_random(struct worker *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(worker->random >> 33);
}

static struct object *make(struct worker *worker)
{
    uint32_t random = next_random(worker), words = random % 16 == 0 ? 200 + random / 16 % 800 : 4 + random / 16 % 60;
    struct object *object = malloc(sizeof(*object) + words * sizeof(object->data[0]));
    if (!object)
        exit(1);
    object->size = words;
    for (uint32_t i = 0; i < words; i++)
        object->data[i] = random + i;
    return object;
}

static uint64_t sum_of(const struct object *object)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < object->size; i++)
        sum += object->data[i];
    return sum;
}

/* --- the loads --- */

static void own(struct worker *worker)
{
    struct object **table = calloc(OBJECTS, sizeof(*table));
    for (unsigned i = 0; i < OBJECTS; i++)
        table[i] = make(worker);
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < OBJECTS; i++)
            worker->sum += sum_of(table[i]);
        for (unsigned i = 0; i < OBJECTS / 4; i++) {
            unsigned which = next_random(worker) % OBJECTS;
            free(table[which]);
            table[which] = make(worker);
        }
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        free(table[i]);
    free(table);
}

static struct object *handed[THREADS_MOST][OBJECTS];
static unsigned made_on[THREADS_MOST]; /* node */

static unsigned node_here(void)
{
    unsigned cpu, node;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? node : 0;
}

/* Half of what a thread touches was made by its neighbour. */
static void handover(struct worker *worker)
{
    unsigned from = (worker->number + 1) % threads;
    for (unsigned round = 0; round < 6; round++) {
        uint64_t words = 0;
        made_on[worker->number] = node_here();
        for (unsigned i = 0; i < OBJECTS; i++)
            handed[worker->number][i] = make(worker);
        pthread_barrier_wait(&barrier);
        for (unsigned i = 0; i < OBJECTS; i++) {
            words += handed[from][i]->size;
            worker->sum += sum_of(handed[from][i]);
            free(handed[from][i]);
        }
        if (made_on[from] != node_here())
            worker->far += words + 2 * OBJECTS; /* with the pointer and the size */
        pthread_barrier_wait(&barrier);
    }
}

static uint32_t *array;

static void work_on_array(struct worker *worker)
{
    size_t part = ARRAY_BYTES / sizeof(*array) / threads;
    uint32_t *mine = array + worker->number * part;
    for (unsigned round = 0; round < ARRAY_ROUNDS; round++)
        for (size_t i = 0; i < part; i++)
            worker->sum += mine[i]++;
}

/* Its record is on its creator's stack, so it works with a copy, as run() does. */
static void *short_life(void *argument)
{
    struct worker *record = argument, mine = *record;
    struct object *table[64];
    for (unsigned i = 0; i < 64; i++)
        table[i] = make(&mine);
    for (unsigned round = 0; round < 8; round++)
        for (unsigned i = 0; i < 64; i++)
            mine.sum += sum_of(table[i]);
    for (unsigned i = 0; i < 64; i++)
        free(table[i]);
    record->sum = mine.sum;
    return NULL;
}

static void short_lived(struct worker *worker)
{
    for (unsigned i = 0; i < 40; i++) {
        struct worker child = {.random = next_random(worker)};
        if (pthread_create(&child.id, NULL, short_life, &child) != 0)
            exit(1);
        pthread_join(child.id, NULL);
        worker->sum += child.sum;
    }
}

static struct {
    pthread_mutex_t lock;
    uint32_t *buffers[BUFFERS];
    unsigned count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t *take_buffer(void)
{
    pthread_mutex_lock(&pool.lock);
    uint32_t *buffer = pool.count ? pool.buffers[--pool.count] : NULL;
    pthread_mutex_unlock(&pool.lock);
    return buffer;
}

static void give_buffer(uint32_t *buffer)
{
    pthread_mutex_lock(&pool.lock);
    pool.buffers[pool.count++] = buffer;
    pthread_mutex_unlock(&pool.lock);
}

static void use_pool(struct worker *worker)
{
    for (unsigned i = 0; i < 60; i++) {
        uint32_t *buffer = take_buffer();
        for (unsigned j = 0; j < BUFFER_BYTES / sizeof(*buffer); j++)
            buffer[j] = i + j;
        for (unsigned j = 0; j < BUFFER_BYTES / sizeof(*buffer); j++)
            worker->sum += buffer[j];
        give_buffer(buffer);
    }
}

/* --- all of them --- */

static void prepare(void)
{
    array = malloc(ARRAY_BYTES);
    if (!array)
        exit(1);
    for (size_t i = 0; i < ARRAY_BYTES / sizeof(*array); i++)
        array[i] = (uint32_t)i;
}

static void prepare_pool(void)
{
    for (unsigned i = 0; i < BUFFERS; i++)
        give_buffer(memset(malloc(BUFFER_BYTES), 0, BUFFER_BYTES));
}

static void (*load)(struct worker *worker);

/* What a thread works with is on its stack: records of all threads side by side would be one thread's memory. */
static void *run(void *argument)
{
    struct worker *record = argument, mine = *record;
    load(&mine);
    record->sum = mine.sum;
    record->far = mine.far;
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*load)(struct worker *worker);
        void (*prepare)(void);
    } loads[] = {{"own", own, NULL},
                 {"handover", handover, NULL},
                 {"array", work_on_array, prepare},
                 {"short", short_lived, NULL},
                 {"pool", use_pool, prepare_pool}};
    uint64_t sum = 0, far = 0;

    if (argc > 2)
        threads = (unsigned)atoi(argv[2]);
    for (size_t i = 0; argc > 1 && i < sizeof(loads) / sizeof(*loads); i++)
        if (!strcmp(argv[1], loads[i].name)) {
            load = loads[i].load;
            if (loads[i].prepare)
                loads[i].prepare();
        }
    if (!load || !threads || threads > THREADS_MOST)
        return 2;
    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.number = i, .random = i * 7919 + 1};
        if (pthread_create(&workers[i].id, NULL, run, &workers[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].id, NULL);
        sum += workers[i].sum;
        far += workers[i].far;
    }
    printf("%s %lu\nhanded over from afar: %lu\n", argv[1], (unsigned long)sum, (unsigned long)far);
    return 0;
}
