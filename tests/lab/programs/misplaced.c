/*
 * misplaced: threads of which some have put a kind of memory of theirs on another node on purpose, for whoever wants to
 * find that out.
 *
 *   misplaced READY GO
 *
 * Four threads w0 to w3 each make small blocks, a large object and a mapping, and touch all. Then w1 moves its object,
 * w2 its mapping and w3 its blocks to the next node (move_pages(2)). The file READY is made, and the program ends when
 * GO exists, with its threads still there. Prints {"w1": {"blocks": [LOCAL, PAGES], "objects": …, "mappings": …}, …} as
 * the kernel says it.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE        ((size_t)sysconf(_SC_PAGESIZE))
#define THREADS     4u
#define BLOCKS      1000u
#define BLOCK_SIZE  2048u
#define OBJECT_SIZE ((size_t)3 << 20)
#define PAGES_MOST  1024u

enum { BLOCKS_KIND, OBJECTS_KIND, MAPPINGS_KIND, KINDS };

struct worker {
    unsigned number;
    char *kinds[KINDS][BLOCKS]; /* addresses, one a page or closer */
    size_t counts[KINDS];
    unsigned local[KINDS], pages[KINDS];
};

static struct worker workers[THREADS];
static pthread_barrier_t all_done;

static int node_now(void)
{
    unsigned cpu, node;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? (int)node : -1;
}

static void touch(struct worker *worker, unsigned kind, char *address, size_t size)
{
    memset(address, 1, size);
    for (size_t at = 0; at < size && worker->counts[kind] < BLOCKS; at += PAGE)
        worker->kinds[kind][worker->counts[kind]++] = address + at;
}

static void make(struct worker *worker)
{
    char *mapping = mmap(NULL, OBJECT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        abort();
    madvise(mapping, OBJECT_SIZE, MADV_NOHUGEPAGE); /* else its ends go along with a neighbour's */
    touch(worker, MAPPINGS_KIND, mapping, OBJECT_SIZE);
    touch(worker, OBJECTS_KIND, malloc(OBJECT_SIZE), OBJECT_SIZE);
    for (unsigned i = 0; i < BLOCKS; i++)
        touch(worker, BLOCKS_KIND, malloc(BLOCK_SIZE), BLOCK_SIZE);
}

/* target -1: only asks. */
static void move(struct worker *worker, unsigned kind, int target)
{
    static _Thread_local void *pages[PAGES_MOST];
    static _Thread_local int targets[PAGES_MOST], status[PAGES_MOST];
    size_t count = worker->counts[kind];
    for (size_t i = 0; i < count; i++) {
        pages[i] = (void *)((uintptr_t)worker->kinds[kind][i] & ~(uintptr_t)(PAGE - 1));
        targets[i] = target;
    }
    if (syscall(SYS_move_pages, 0, count, pages, target < 0 ? NULL : targets, status, 2) != 0)
        abort();
    worker->pages[kind] = (unsigned)count;
    worker->local[kind] = 0;
    for (size_t i = 0; i < count; i++)
        worker->local[kind] += status[i] == node_now();
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    char name[16];
    snprintf(name, sizeof(name), "w%u", worker->number);
    pthread_setname_np(pthread_self(), name);
    make(worker);
    if (worker->number == 1)
        move(worker, OBJECTS_KIND, (node_now() + 1) % (int)THREADS);
    if (worker->number == 2)
        move(worker, MAPPINGS_KIND, (node_now() + 1) % (int)THREADS);
    if (worker->number == 3)
        move(worker, BLOCKS_KIND, (node_now() + 1) % (int)THREADS);
    for (unsigned kind = 0; kind < KINDS; kind++)
        move(worker, kind, -1);
    pthread_barrier_wait(&all_done);
    for (;;)
        pause();
    return NULL;
}

static void print(void)
{
    static const char *const words[KINDS] = {"blocks", "objects", "mappings"};
    for (unsigned i = 0; i < THREADS; i++) {
        printf("%s\"w%u\": {", i ? ", " : "{", i);
        for (unsigned kind = 0; kind < KINDS; kind++)
            printf("%s\"%s\": [%u, %u]", kind ? ", " : "", words[kind], workers[i].local[kind], workers[i].pages[kind]);
        putchar('}');
    }
    puts("}");
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc != 3)
        return 2;
    pthread_barrier_init(&all_done, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = i;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            return 1;
    }
    pthread_barrier_wait(&all_done);
    print();
    fflush(stdout);
    FILE *file = fopen(argv[1], "w");
    if (!file || fclose(file) != 0)
        return 1;
    while (access(argv[2], F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return 0;
}
