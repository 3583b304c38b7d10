/*
 * purity: is what malloc returns on the node of the CPU that ran the thread? Each object notes that node; later the
 * kernel is asked where its pages are (move_pages(2) without targets).
 *
 *   purity LOAD [THREADS [OBJECTS]]     LOAD: own hand-over migrate churn fork short
 *
 * Prints {"load", "objects", "wrong", "pages", "wrong_pages"}. Objects during whose allocation the thread changed its
 * node are not counted: there is no right answer for them. Memory is touched by another thread than its owner where the
 * load allows, so that the kernel's first touch does not do the allocator's work.
 */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

struct object {
    _Atomic(char *) block;
    size_t size;
    int node; /* -1: not counted */
};

struct worker {
    unsigned number;
    uint64_t random;
};

static unsigned threads = 8, count = 4000;
static struct object *objects; /* `count` for each thread */
static pthread_barrier_t barrier;
static uint64_t total, wrong, pages, wrong_pages;

static uint64_t next_random(struct worker *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return worker->random >> 24;
}

static int node_now(void)
{
    unsigned cpu, node;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? (int)node : -1;
}

static int cpu_count(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void pin(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static size_t random_size(struct worker *worker)
{
    uint64_t random = next_random(worker);
    return random % 200 == 0  ? 70000 + random / 200 % 300000
           : random % 20 == 0 ? 2000 + random / 20 % 30000
                              : 16 + random % 600;
}

static void make(struct object *object, struct worker *worker)
{
    size_t size = random_size(worker);
    int before = node_now();
    char *block = malloc(size);
    object->size = size;
    object->node = node_now() == before ? before : -1;
    atomic_store(&object->block, block);
}

static void drop(struct object *object)
{
    free(atomic_exchange(&object->block, NULL));
}

static struct object *slot(unsigned thread, unsigned number)
{
    return &objects[(size_t)thread * count + number];
}

static void touch(unsigned thread)
{
    for (unsigned i = 0; i < count; i++) {
        struct object *object = slot(thread, i);
        if (object->block)
            memset(object->block, 1, object->size);
    }
}

/* Everyone makes objects; the next thread touches them first. */
static void own(struct worker *worker)
{
    for (unsigned i = 0; i < count; i++) {
        drop(slot(worker->number, i));
        make(slot(worker->number, i), worker);
    }
    pthread_barrier_wait(&barrier);
    touch((worker->number + 1) % threads);
}

/* Everyone's objects are freed by the next thread and made anew, several times. */
static void hand_over(struct worker *worker)
{
    for (unsigned round = 0; round < 6; round++) {
        own(worker);
        pthread_barrier_wait(&barrier);
        for (unsigned i = round & 1; i < count && round < 5; i += 2)
            drop(slot((worker->number + 3) % threads, i));
        pthread_barrier_wait(&barrier);
        for (unsigned i = round & 1; i < count && round < 5; i += 2)
            make(slot(worker->number, i), worker);
    }
}

/* Threads move from CPU to CPU between allocations. */
static void migrate(struct worker *worker)
{
    for (unsigned i = 0; i < count; i++) {
        if (i % 50 == 0)
            pin((worker->number + i / 50) % (unsigned)cpu_count());
        make(slot(worker->number, i), worker);
        if (i > 100 && i % 3 == 0) {
            drop(slot(worker->number, i - 100));
            make(slot(worker->number, i - 100), worker);
        }
    }
    pthread_barrier_wait(&barrier);
    touch((worker->number + 1) % threads);
}

/* Threads replace each other's objects at random. */
static void churn(struct worker *worker)
{
    for (unsigned i = 0; i < count * 4; i++) {
        struct object *object =
            slot((unsigned)(next_random(worker) % threads), (unsigned)(next_random(worker) % count));
        struct object made;
        make(&made, worker);
        if (made.block && next_random(worker) % 2)
            memset(made.block, 1, made.size);
        /* size and node go with the block: whoever swaps owns the old one */
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&lock);
        struct object old = *object;
        object->size = made.size;
        object->node = made.node;
        object->block = made.block;
        pthread_mutex_unlock(&lock);
        free(old.block);
    }
    pthread_barrier_wait(&barrier);
    touch((worker->number + 1) % threads);
}

static void *short_life(void *argument)
{
    struct worker *worker = argument;
    unsigned from = worker->number / 10000, thread = worker->number % 10000;
    for (unsigned i = from; i < from + 50 && i < count; i++)
        make(slot(thread, i), worker);
    return NULL;
}

/* Each thread's objects are made by a row of short-lived threads. */
static void short_lived(struct worker *worker)
{
    for (unsigned i = 0; i < count; i += 50) {
        struct worker child = {i * 10000 + worker->number, next_random(worker)};
        pthread_t id;
        if (pthread_create(&id, NULL, short_life, &child) == 0)
            pthread_join(id, NULL);
    }
    pthread_barrier_wait(&barrier);
    touch((worker->number + 1) % threads);
}

static void check(struct object *object)
{
    void *asked[128];
    int nodes[128];
    bool is_wrong = false;
    uintptr_t start = (uintptr_t)object->block & ~(uintptr_t)(PAGE - 1);
    size_t left = ((uintptr_t)object->block + object->size - start + PAGE - 1) / PAGE;
    if (!object->block || object->node < 0)
        return;
    total++;
    while (left) {
        size_t some = left < 128 ? left : 128;
        for (size_t i = 0; i < some; i++)
            asked[i] = (void *)(start + i * PAGE);
        if (syscall(SYS_move_pages, 0, some, asked, NULL, nodes, 0) != 0)
            return;
        for (size_t i = 0; i < some; i++) {
            pages += nodes[i] >= 0;
            wrong_pages += nodes[i] >= 0 && nodes[i] != object->node;
            is_wrong |= nodes[i] >= 0 && nodes[i] != object->node;
        }
        start += some * PAGE;
        left -= some;
    }
    wrong += is_wrong;
}

static void (*load)(struct worker *worker);

static void *run(void *argument)
{
    load(argument);
    return NULL;
}

static void run_all(void)
{
    pthread_t *ids = calloc(threads, sizeof(*ids));
    struct worker *workers = calloc(threads, sizeof(*workers));
    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){i, i * 7919 + 1};
        pthread_create(&ids[i], NULL, run, &workers[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    free(workers);
}

static void report(const char *name)
{
    for (size_t i = 0; i < (size_t)threads * count; i++)
        check(&objects[i]);
    printf("{\"load\": \"%s\", \"objects\": %lu, \"wrong\": %lu, \"pages\": %lu, \"wrong_pages\": %lu}\n", name, total,
           wrong, pages, wrong_pages);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*load)(struct worker *worker);
    } loads[] = {{"own", own},     {"hand-over", hand_over}, {"migrate", migrate},
                 {"churn", churn}, {"short", short_lived},   {"fork", hand_over}};
    const char *name = argc > 1 ? argv[1] : "";
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    count = argc > 3 ? (unsigned)atoi(argv[3]) : count;
    for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
        if (!strcmp(name, loads[i].name))
            load = loads[i].load;
    objects = calloc((size_t)threads * count, sizeof(*objects));
    if (!load || !objects || !threads || !count)
        return 2;
    run_all();
    if (!strcmp(name, "fork")) {
        /* the child has only this thread, and goes on with what the parent's threads left */
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            for (size_t i = 0; i < (size_t)threads * count; i += 2)
                drop(&objects[i]);
            run_all();
            report(name);
            fflush(stdout);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    report(name);
    return 0;
}
