/*
 * bench-alloc: loads on malloc, one a run, so that the same binary can be run under every allocator.
 *
 *   bench-alloc LOAD [THREADS [FACTOR]]       prints nanoseconds for each operation, the peak of resident memory in KiB,
 *                                             operations, page faults, and nanoseconds of CPU time for each operation
 *   bench-alloc --list                        the loads
 *
 * Deterministic: the same random numbers everywhere. What is allocated is written to, as programs do.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tools/bench/alloc.h"

#define QUEUE_SIZE 1024u

/* One block, freed at once: the fast path alone. */
static void fixed(struct work *work)
{
    for (uint64_t i = 0; i < work->rounds * 64; i++) {
        void *volatile block = malloc(64);
        free(block);
    }
    work->operations = work->rounds * 64;
}

static void batch(struct work *work)
{
    void *blocks[512];
    uint64_t rounds = work->rounds / 16;
    for (uint64_t i = 0; i < rounds; i++) {
        for (unsigned k = 0; k < 512; k++)
            blocks[k] = allocate(64);
        for (unsigned k = 0; k < 512; k++)
            free(blocks[k]);
    }
    work->operations = rounds * 512;
}

/* A working set in which random blocks are replaced. */
static void replace(struct work *work, unsigned count, size_t low, size_t high, uint64_t operations)
{
    void **blocks = malloc(count * sizeof(*blocks));
    if (!blocks)
        abort();
    /* written, not calloc's: reading untouched memory first would measure the kernel's zero page */
    memset(blocks, 0, count * sizeof(*blocks));
    for (uint64_t i = 0; i < operations; i++) {
        size_t k = next_random(work) % count;
        free(blocks[k]);
        blocks[k] = allocate(size_between(work, low, high));
    }
    for (unsigned k = 0; k < count; k++)
        free(blocks[k]);
    free(blocks);
    work->operations = operations;
}

static void random_small(struct work *work)
{
    replace(work, 4096, 16, 1024, work->rounds * 16);
}

static void random_medium(struct work *work)
{
    replace(work, 1024, 16, 16384, work->rounds * 8);
}

/* Many live blocks: the allocator's own data does not fit into the cache. */
static void random_many(struct work *work)
{
    replace(work, 400000, 16, 256, work->rounds * 8);
}

static void large(struct work *work)
{
    replace(work, 32, 65 << 10, 2 << 20, work->rounds / 4);
}

static void large_in_turn(struct work *work)
{
    uint64_t operations = work->rounds * 2;
    for (uint64_t i = 0; i < operations; i++)
        free(allocate((size_t)(256 + i % 4 * 256) << 10));
    work->operations = operations;
}

/* A byte in each page, as a program that fills a block touches them all. */
static void touch(char *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i += 4096)
        block[i] = 1;
}

/* Blocks of up to 140 MiB, one in turn: each page is new memory, or what was freed a moment ago. */
static void huge_in_turn(struct work *work)
{
    uint64_t operations = work->rounds / 4096;
    for (uint64_t i = 0; i < operations; i++) {
        size_t size = (size_t)(80 + i % 4 * 20) << 20;
        char *block = allocate(size);
        touch(block, 0, size);
        free(block);
    }
    work->operations = operations;
}

/* Eight vectors that grow in turn by an eighth until each has 256 MiB. */
static void huge_growth(struct work *work)
{
    char *vectors[8] = {0};
    size_t before = 0;
    for (size_t size = 1 << 20; size <= 256 << 20; before = size, size += size / 8 / 4096 * 4096) {
        for (unsigned i = 0; i < 8; i++) {
            vectors[i] = realloc(vectors[i], size);
            if (!vectors[i])
                abort();
            touch(vectors[i], before, size);
        }
        work->operations += 8;
    }
    for (unsigned i = 0; i < 8; i++)
        free(vectors[i]);
}

static void growth(struct work *work)
{
    uint64_t rounds = work->rounds / 512;
    for (uint64_t i = 0; i < rounds; i++) {
        char *block = NULL;
        for (size_t size = 16; size < 4 << 20; size += size / 4 + 16) {
            block = realloc(block, size);
            if (!block)
                abort();
            block[size - 1] = 1;
        }
        free(block);
    }
    work->operations = rounds * 50;
}

static void zeroed(struct work *work)
{
    void *blocks[256] = {0};
    uint64_t operations = work->rounds * 4;
    for (uint64_t i = 0; i < operations; i++) {
        size_t size = i % 64 == 0 ? size_between(work, 4096, 262144) : size_between(work, 16, 512);
        char **slot = (char **)&blocks[next_random(work) % 256];
        free(*slot);
        *slot = calloc(1, size);
        if (!*slot || (*slot)[size / 2])
            abort();
        (*slot)[size / 2] = 1;
    }
    for (unsigned k = 0; k < 256; k++)
        free(blocks[k]);
    work->operations = operations;
}

static void aligned(struct work *work)
{
    void *blocks[512] = {0};
    uint64_t operations = work->rounds * 8;
    for (uint64_t i = 0; i < operations; i++) {
        void **slot = &blocks[next_random(work) % 512];
        free(*slot);
        if (posix_memalign(slot, (size_t)16 << next_random(work) % 9, size_between(work, 16, 2048)) != 0)
            abort();
        *(char *)*slot = 1;
    }
    for (unsigned k = 0; k < 512; k++)
        free(blocks[k]);
    work->operations = operations;
}

/* --- blocks that another thread frees --- */

/* Server churn after Larson and Krishnan (ISMM 1998): slots that all threads replace blocks in. */
static _Atomic(void *) shared_slots[8192];

static void churn(struct work *work)
{
    uint64_t operations = work->rounds * 8;
    for (uint64_t i = 0; i < operations; i++) {
        void *block = allocate(size_between(work, 16, 512));
        free(atomic_exchange_explicit(&shared_slots[next_random(work) % 8192], block, memory_order_acq_rel));
    }
    work->operations = operations;
}

/* Threads in pairs: one makes, the other frees. */
static struct queue {
    _Alignas(64) _Atomic uint64_t written;
    _Alignas(64) _Atomic uint64_t read;
    void *blocks[QUEUE_SIZE];
} queues[64];

static void produce(struct queue *queue, struct work *work, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        while (i - atomic_load_explicit(&queue->read, memory_order_acquire) >= QUEUE_SIZE)
            sched_yield();
        queue->blocks[i % QUEUE_SIZE] = allocate(size_between(work, 16, 512));
        atomic_store_explicit(&queue->written, i + 1, memory_order_release);
    }
}

static void consume(struct queue *queue, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        while (i >= atomic_load_explicit(&queue->written, memory_order_acquire))
            sched_yield();
        free(queue->blocks[i % QUEUE_SIZE]);
        atomic_store_explicit(&queue->read, i + 1, memory_order_release);
    }
}

static void hand_over(struct work *work)
{
    struct queue *queue = &queues[work->thread / 2 % 64];
    uint64_t count = work->rounds * 4;
    if (work->threads < 2 || (work->threads % 2 && work->thread == work->threads - 1)) {
        replace(work, 512, 16, 512, count); /* no second thread takes the blocks */
        return;
    }
    if (work->thread % 2 == 0)
        produce(queue, work, count);
    else
        consume(queue, count);
    work->operations = count;
}

/*
 * In bulk: some threads make batches of blocks, the others free them, and a shelf between them has places for so many
 * batches. Every other thread makes, or the first one alone.
 */
#define BATCH_BLOCKS 4096u
#define SHELF_PLACES 64u

struct batch {
    void *blocks[BATCH_BLOCKS];
};

static struct shelf {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *batches[SHELF_PLACES];
    uint64_t put, taken;
} shelf = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void shelf_put(struct batch *batch)
{
    pthread_mutex_lock(&shelf.lock);
    while (shelf.put - shelf.taken == SHELF_PLACES)
        pthread_cond_wait(&shelf.changed, &shelf.lock);
    shelf.batches[shelf.put++ % SHELF_PLACES] = batch;
    pthread_cond_broadcast(&shelf.changed);
    pthread_mutex_unlock(&shelf.lock);
}

/* NULL: all of them were taken. */
static struct batch *shelf_take(uint64_t all)
{
    struct batch *batch = NULL;
    pthread_mutex_lock(&shelf.lock);
    while (shelf.put == shelf.taken && shelf.taken < all)
        pthread_cond_wait(&shelf.changed, &shelf.lock);
    if (shelf.taken < all)
        batch = shelf.batches[shelf.taken++ % SHELF_PLACES];
    pthread_cond_broadcast(&shelf.changed);
    pthread_mutex_unlock(&shelf.lock);
    return batch;
}

static struct batch *make_batch(struct work *work, size_t low, size_t high)
{
    struct batch *batch = allocate(sizeof(*batch));
    for (unsigned i = 0; i < BATCH_BLOCKS; i++)
        batch->blocks[i] = allocate(low < high ? size_between(work, low, high) : low);
    return batch;
}

static void free_batch(struct batch *batch)
{
    for (unsigned i = 0; i < BATCH_BLOCKS; i++)
        free(batch->blocks[i]);
    free(batch);
}

static void bulk(struct work *work, unsigned makers, size_t low, size_t high)
{
    uint64_t each = work->rounds * work->threads / 48 / makers;
    struct batch *batch;
    if (work->threads == 1) {
        for (uint64_t i = 0; i < each; i++)
            free_batch(make_batch(work, low, high));
    } else if (makers == 1 ? work->thread == 0 : work->thread % 2 == 0) {
        for (uint64_t i = 0; i < each; i++)
            shelf_put(make_batch(work, low, high));
    } else {
        while ((batch = shelf_take(each * makers)))
            free_batch(batch);
        return;
    }
    work->operations = each * BATCH_BLOCKS;
}

static void bulk_by_one(struct work *work)
{
    bulk(work, 1, 64, 64);
}

static void bulk_by_half(struct work *work)
{
    bulk(work, (work->threads + 1) / 2, 64, 64);
}

static void bulk_mixed(struct work *work)
{
    bulk(work, (work->threads + 1) / 2, 16, 512);
}

/* --- short-lived threads --- */

static void *short_life(void *argument)
{
    struct work work = {.random = (uint64_t)(uintptr_t)argument * 2 + 1};
    void *blocks[128];
    for (unsigned i = 0; i < 128; i++)
        blocks[i] = allocate(size_between(&work, 16, 1024));
    for (unsigned i = 0; i < 128; i++)
        free(blocks[i]);
    return NULL;
}

static void short_lived(struct work *work)
{
    uint64_t count = work->rounds / 128;
    for (uint64_t i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, short_life, (void *)(uintptr_t)(i + 1)) != 0)
            abort();
        pthread_join(thread, NULL);
    }
    work->operations = count * 128;
}

static const struct load {
    const char *name;
    void (*run)(struct work *work);
} loads[] = {
    {"fixed", fixed},
    {"batch", batch},
    {"random-small", random_small},
    {"random-medium", random_medium},
    {"random-many", random_many},
    {"large", large},
    {"large-in-turn", large_in_turn},
    {"huge-in-turn", huge_in_turn},
    {"huge-growth", huge_growth},
    {"growth", growth},
    {"calloc", zeroed},
    {"aligned", aligned},
    {"strings", strings},
    {"small-growth", small_growth},
    {"leak", leak},
    {"shifting", shifting},
    {"peak-and-idle", peak_and_idle},
    {"false-active", false_active},
    {"false-passive", false_passive},
    {"churn", churn},
    {"hand-over", hand_over},
    {"bulk-by-one", bulk_by_one},
    {"bulk-by-half", bulk_by_half},
    {"bulk-mixed", bulk_mixed},
    {"short-lived", short_lived},
};

static const struct load *chosen;

/*
 * Threads take the CPUs in turn. Left to the scheduler, two threads of 20 ms each share one CPU in every other run, and
 * the allocators would be compared by that.
 */
static void take_cpu(unsigned number)
{
    cpu_set_t allowed, one;
    int cpu = -1;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return;
    for (unsigned i = number % (unsigned)CPU_COUNT(&allowed) + 1; i; i--)
        do
            cpu++;
        while (!CPU_ISSET(cpu, &allowed));
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static void *run_one(void *argument)
{
    struct work *work = argument;
    if (chosen->run != short_lived) /* its threads are new ones all the time */
        take_cpu(work->thread);
    chosen->run(work);
    return NULL;
}

static long page_faults(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : 0;
}

static double cpu_ns(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Not getrusage(2): its maximum begins with what the process was before exec. */
static long peak_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long peak = 0;
    while (file && fgets(line, sizeof(line), file))
        if (!strncmp(line, "VmHWM:", 6))
            peak = atol(line + 6);
    if (file)
        fclose(file);
    return peak;
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv)
{
    unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    double factor = argc > 3 ? atof(argv[3]) : 1;
    struct work works[128];
    pthread_t ids[128];
    uint64_t operations = 0;
    for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
        if (argc > 1 && !strcmp(argv[1], "--list"))
            puts(loads[i].name);
        else if (argc > 1 && !strcmp(argv[1], loads[i].name))
            chosen = &loads[i];
    }
    if (argc > 1 && !strcmp(argv[1], "--list"))
        return 0;
    if (!chosen || threads < 1 || threads > 128) {
        fputs("usage: bench-alloc LOAD [THREADS [FACTOR]] | --list\n", stderr);
        return 2;
    }
    uint64_t start = now_ns();
    for (unsigned i = 0; i < threads; i++) {
        works[i] = (struct work){i, threads, (uint64_t)(200000 * factor / threads), 0, 88172645463325252u + i * 7919};
        if (i > 0 && pthread_create(&ids[i], NULL, run_one, &works[i]) != 0)
            return 1;
    }
    run_one(&works[0]);
    for (unsigned i = 0; i < threads; i++) {
        if (i > 0)
            pthread_join(ids[i], NULL);
        operations += works[i].operations;
    }
    start = now_ns() - start;
    printf("%.3f %ld %llu %ld %.3f\n", (double)start / (double)operations, peak_kib(), (unsigned long long)operations,
           page_faults(), cpu_ns() / (double)operations);
    return 0;
}
