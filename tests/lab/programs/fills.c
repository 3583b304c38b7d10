/*
 * fills: a thread takes memory, touches it, and the kernel is asked where it is.
 *
 *   fills MIB
 *
 * Prints the MiB on each node: "node 0: 12", …
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB        (1u << 20)
#define PAGES      256u /* of a MiB */
#define NODES_MOST 64u

static unsigned count;

static void add_pages(char *block, unsigned *pages)
{
    void *asked[PAGES];
    int nodes[PAGES];
    for (unsigned i = 0; i < PAGES; i++)
        asked[i] = block + (size_t)i * 4096;
    if (syscall(SYS_move_pages, 0, (unsigned long)PAGES, asked, NULL, nodes, 0) != 0)
        exit(1);
    for (unsigned i = 0; i < PAGES; i++)
        if (nodes[i] >= 0 && nodes[i] < (int)NODES_MOST)
            pages[nodes[i]]++;
}

static void *fill(void *argument)
{
    unsigned pages[NODES_MOST] = {0};
    char **blocks = calloc(count, sizeof(*blocks));
    (void)argument;
    for (unsigned i = 0; i < count; i++) {
        blocks[i] = malloc(MIB);
        if (!blocks[i])
            exit(3);
        memset(blocks[i], 1, MIB);
    }
    for (unsigned i = 0; i < count; i++)
        add_pages(blocks[i], pages);
    for (unsigned node = 0; node < NODES_MOST; node++)
        if (pages[node])
            printf("node %u: %u\n", node, pages[node] / PAGES);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 2)
        return 2;
    count = (unsigned)atoi(argv[1]);
    if (pthread_create(&thread, NULL, fill, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
