/*
 * stacks: where are the pages of threads' stacks and thread blocks? Each thread asks the kernel for those between what
 * was called before its first frame and its thread block (move_pages(2)), and compares with the node of its CPU.
 *
 *   stacks new [THREADS]          that many threads at once, each with a new stack
 *   stacks reused [THREADS]       one after the other: each gets the stack of the one before
 *
 * Every other thread is made with attributes that ask for nothing, as OpenMP's runtimes and Python do.
 * Prints {"threads", "pages", "wrong", "threads_wrong"}.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE         ((size_t)sysconf(_SC_PAGESIZE))
#define PAGES_MOST   64u
#define PAGES_BELOW  16u /* of the first frame: calls that are over */
#define THREADS_MOST 1024u

static _Atomic unsigned pages, wrong, threads_wrong;
static pthread_barrier_t barrier;
static bool all_at_once;

static void *look(void *argument)
{
    uintptr_t end = ((uintptr_t)__builtin_thread_pointer() | (PAGE - 1)) + 1;
    uintptr_t start = ((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(PAGE - 1)) - PAGES_BELOW * PAGE;
    unsigned cpu, node, count = 0, mistakes = 0;
    void *asked[PAGES_MOST];
    int nodes[PAGES_MOST];
    for (; start < end && count < PAGES_MOST; start += PAGE)
        asked[count++] = (void *)start;
    if (syscall(SYS_getcpu, &cpu, &node, NULL) != 0 ||
        syscall(SYS_move_pages, 0, (unsigned long)count, asked, NULL, nodes, 0) != 0)
        abort();
    for (unsigned i = 0; i < count; i++) {
        pages += nodes[i] >= 0;
        mistakes += nodes[i] >= 0 && nodes[i] != (int)node;
    }
    wrong += mistakes;
    threads_wrong += mistakes > 0;
    if (all_at_once)
        pthread_barrier_wait(&barrier);
    return argument;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 8;
    pthread_t threads[THREADS_MOST];
    pthread_attr_t attributes;
    if (argc < 2 || !count || count > THREADS_MOST)
        return 2;
    all_at_once = !strcmp(argv[1], "new");
    pthread_barrier_init(&barrier, NULL, count);
    pthread_attr_init(&attributes);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i], i % 2 ? &attributes : NULL, look, NULL) != 0)
            return 1;
        if (!all_at_once)
            pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; all_at_once && i < count; i++)
        pthread_join(threads[i], NULL);
    printf("{\"threads\": %u, \"pages\": %u, \"wrong\": %u, \"threads_wrong\": %u}\n", count, pages, wrong,
           threads_wrong);
    return 0;
}
