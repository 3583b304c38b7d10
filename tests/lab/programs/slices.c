/*
 * slices: an array that main makes and threads work on, each on its part. Do the parts come to the threads' nodes?
 *
 *   slices [SECONDS [MIB [FORKS [HOW]]]]     one thread for each CPU; they work until their parts are local or the time
 *                                            is over
 *
 * HOW is "mapped": with mmap instead of malloc; "indexed": no register moves through the array, an index does; or
 * "held": the kernel holds two pages of each part in a pipe, as it does for devices, so they cannot move.
 *
 * Meanwhile main has system calls read and write the array (EFAULT would be a mistake of whoever moves it) and libc ask
 * all threads (setuid), and forks as often as it is told. At the end every number is checked, the array is freed, and
 * main makes another one in its place.
 *
 * Prints {"pages", "local", "mistakes", "refused", "after_pages", "after_wrong"}: pages of the array and those on their
 * thread's node; wrong numbers; system calls that failed; pages of main's second array, and those not on main's node.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE         ((size_t)sysconf(_SC_PAGESIZE))
#define THREADS_MOST 64u
#define ASKED        512u
#define TRIES        100u /* 100 ms each */

#define LOCAL_SHARE 0.98
#define HUGE_PAGE                                                                                                      \
    ((uintptr_t)2 << 20) /* own mappings have them: an array begins with one, so that no two threads share */

struct worker {
    pthread_t id;
    uint32_t *part;
    uint32_t rounds;
    size_t pages, local;
};

static struct worker workers[THREADS_MOST];
static uint32_t *array;
static size_t numbers, part; /* in all, of a thread */
static time_t deadline;
static _Atomic unsigned busy;
static int forks;
static bool mapped, indexed, held;

static void *map(size_t size)
{
    char *memory = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before = -(uintptr_t)memory % HUGE_PAGE;
    if (memory == MAP_FAILED)
        abort();
    if (before)
        munmap(memory, before);
    munmap(memory + before + size, HUGE_PAGE - before);
    return memory + before;
}

static void *allocate(size_t size)
{
    void *memory = mapped ? map(size) : malloc(size);
    if (!memory)
        abort();
    return memory;
}

static void release(void *memory, size_t size)
{
    if (mapped)
        munmap(memory, size);
    else
        free(memory);
}

static unsigned node_here(void)
{
    unsigned cpu, node;
    if (syscall(SYS_getcpu, &cpu, &node, NULL) != 0)
        abort();
    return node;
}

/* Pages of [start, +size) on the node; *ret_pages: that are there at all. */
static size_t pages_on(const void *start, size_t size, unsigned node, size_t *ret_pages)
{
    uintptr_t at = ((uintptr_t)start + PAGE - 1) & ~(uintptr_t)(PAGE - 1), end = (uintptr_t)start + size;
    size_t found = 0;
    *ret_pages = 0;
    while (at + PAGE <= end) {
        void *asked[ASKED];
        int nodes[ASKED];
        size_t count = 0;
        for (; count < ASKED && at + PAGE <= end; at += PAGE)
            asked[count++] = (void *)at;
        if (syscall(SYS_move_pages, 0, count, asked, NULL, nodes, 0) != 0)
            abort();
        for (size_t i = 0; i < count; i++) {
            *ret_pages += nodes[i] >= 0;
            found += nodes[i] == (int)node;
        }
    }
    return found;
}

static void look(struct worker *worker)
{
    worker->local = pages_on(worker->part, part * sizeof(*array), node_here(), &worker->pages);
}

static void add_one_to_all(uint32_t *numbers_of_mine)
{
    for (size_t i = 0; i < part; i++)
#ifdef __x86_64__
        if (indexed)
            __asm__ volatile("incl (%0,%1,4)" : : "r"(numbers_of_mine), "r"(i) : "memory", "cc");
        else
#endif
            numbers_of_mine[i]++;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    do {
        add_one_to_all(worker->part);
        if (++worker->rounds % 8 == 0)
            look(worker);
    } while (time(NULL) < deadline && (!worker->pages || (double)worker->local < LOCAL_SHARE * (double)worker->pages));
    look(worker);
    busy--;
    return NULL;
}

/* What copies a process while its memory is under way. */
static unsigned try_fork(void)
{
    unsigned refused = 0;
    pid_t child = fork();
    int status = 1;
    if (child == 0) {
        char *mine = malloc(2 << 20);
        memset(mine, 1, 2 << 20);
        array[0]++; /* the child's */
        _exit(mine[12345] != 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        refused++;
    return refused;
}

static void hold_pages(unsigned threads)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    for (unsigned i = 0; i < 2 * threads; i++) { /* a pipe has room for 16 pages */
        struct iovec page = {(char *)array + ((2 * i + 1) * part * sizeof(*array) / 4 & -(size_t)PAGE), PAGE};

        if (vmsplice(ends[1], &page, 1, 0) != (ssize_t)PAGE)
            abort();
    }
}

/* Through system calls, a page at a time; the value itself is the threads'. */
static unsigned try_system_calls(void)
{
    unsigned refused = 0, round = 0;
    int ends[2];
    static char page[64 << 10]; /* no kernel has larger ones */
    if (pipe(ends) != 0)
        abort();
    for (size_t i = 0; busy; i = (i + 7919) % (numbers * sizeof(*array) / PAGE)) {
        char *at = (char *)array + i * PAGE;
        refused += write(ends[1], at, PAGE) != (ssize_t)PAGE;
        refused += read(ends[0], page, PAGE) != (ssize_t)PAGE;
        if (++round % 64 == 0)
            usleep(5000); /* a user of every part, if it never rested: they would rightly stay */
        if (round % 500 == 0)
            refused += setuid(getuid()) != 0; /* every thread has to answer */
        if (forks > 0 && round % 500 == 0) {
            refused += try_fork();
            forks--;
        }
    }
    close(ends[0]);
    close(ends[1]);
    return refused;
}

static size_t count_mistakes(unsigned threads)
{
    size_t mistakes = 0;
    for (unsigned i = 0; i < threads; i++)
        for (size_t k = 0; k < part; k++)
            mistakes += workers[i].part[k] != (uint32_t)(i * part + k) + workers[i].rounds;
    return mistakes;
}

int main(int argc, char **argv)
{
    unsigned threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    size_t pages = 0, local = 0, after_pages, size = (size_t)(argc > 2 ? atoi(argv[2]) : 8) << 20;
    if (threads > THREADS_MOST)
        return 2;
    forks = argc > 3 ? atoi(argv[3]) : 0;
    mapped = argc > 4 && !strcmp(argv[4], "mapped");
    indexed = argc > 4 && !strcmp(argv[4], "indexed");
    held = argc > 4 && !strcmp(argv[4], "held");
    deadline = time(NULL) + (argc > 1 ? atoi(argv[1]) : 20);
    numbers = size / sizeof(*array);
    part = numbers / threads;
    array = allocate(size);
    for (size_t i = 0; i < numbers; i++)
        array[i] = (uint32_t)i;
    if (held)
        hold_pages(threads);
    busy = threads;
    for (unsigned i = 0; i < threads; i++) {
        workers[i].part = array + i * part;
        if (pthread_create(&workers[i].id, NULL, work, &workers[i]) != 0)
            return 1;
    }
    unsigned refused = try_system_calls();
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].id, NULL);
        pages += workers[i].pages;
        local += workers[i].local;
    }
    size_t mistakes = count_mistakes(threads);
    release(array, size);
    array = allocate(size);
    memset(array, 1, size);
    size_t after = pages_on(array, size, node_here(), &after_pages);
    for (unsigned tries = 0; after < after_pages && tries < TRIES; tries++) { /* a batch may have been under way */
        usleep(100000);
        after = pages_on(array, size, node_here(), &after_pages);
    }
    printf("{\"pages\": %zu, \"local\": %zu, \"mistakes\": %zu, \"refused\": %u, \"after_pages\": %zu, "
           "\"after_wrong\": %zu}\n",
           pages, local, mistakes, refused, after_pages, after_pages - after);
    release(array, size);
    return 0;
}
