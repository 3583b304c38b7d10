/*
 * first_touch: on which node is a large block that main asks for and a thread called "toucher" fills? And the next block
 * of that size, which is the same memory, when main frees the first one, and fills the next one itself?
 *
 *   first_touch [KIB]      a block's size
 *
 * Prints {"pages", "touched", "again"}: pages of a block; those of the first one on the toucher's node; those of the second
 * one on main's.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

static char *block;
static size_t size;
static int toucher_node;

static int node_here(void)
{
    unsigned cpu, node;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? (int)node : -1;
}

static void *touch(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "toucher");
    memset(block, 1, size);
    toucher_node = node_here();
    return NULL;
}

/* Whole pages of the block that are on the node. */
static unsigned long pages_on(int node, unsigned long *ret_pages)
{
    uintptr_t start = ((uintptr_t)block + PAGE - 1) & ~(uintptr_t)(PAGE - 1), end = (uintptr_t)block + size;
    unsigned long found = 0;
    for (*ret_pages = 0; start + PAGE <= end; start += PAGE, ++*ret_pages) {
        void *page = (void *)start;
        int at = -1;
        if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &at, 0) != 0)
            return 0;
        found += at == node;
    }
    return found;
}

/* What a thread freed a moment ago comes back to it as it was; others take its place in the thread's cache. */
static void push_out(void)
{
    char *others[8];
    for (size_t i = 0; i < 8; i++)
        others[i] = malloc((i + 10) * 65536);
    for (size_t i = 0; i < 8; i++)
        free(others[i]);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    unsigned long pages, touched, again;
    size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 4096) * 1024;
    block = malloc(size);
    if (!block || pthread_create(&thread, NULL, touch, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    touched = pages_on(toucher_node, &pages);
    free(block);
    push_out();
    block = malloc(size);
    if (!block)
        return 1;
    memset(block, 2, size);
    again = pages_on(node_here(), &pages);
    free(block);
    printf("{\"pages\": %lu, \"touched\": %lu, \"again\": %lu}\n", pages, touched, again);
    return 0;
}
