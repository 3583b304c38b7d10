/*
 * main_memory: a program of one thread touches memory of every kind, and the kernel is asked where it is.
 *
 *   main_memory MIB
 *
 * Of each kind as many MiB. Prints "KIND NODE MIB" for each node that has some of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB        (1u << 20)
#define SMALL      1000u
#define BATCH      256u
#define NODES_MOST 64u

static unsigned pages[NODES_MOST];

static void add_pages(char *block, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *asked[BATCH];
    int nodes[BATCH];
    for (size_t at = 0; at < size;) {
        unsigned long count = 0;
        for (; count < BATCH && at < size; at += page)
            asked[count++] = block + at;
        if (syscall(SYS_move_pages, 0, count, asked, NULL, nodes, 0) != 0)
            exit(1);
        for (unsigned long i = 0; i < count; i++)
            if (nodes[i] >= 0 && nodes[i] < (int)NODES_MOST)
                pages[nodes[i]]++;
    }
}

static void print(const char *kind)
{
    unsigned in_mib = MIB / (unsigned)sysconf(_SC_PAGESIZE);
    for (unsigned node = 0; node < NODES_MOST; node++)
        if (pages[node])
            printf("%s %u %u\n", kind, node, (pages[node] + in_mib / 2) / in_mib);
    memset(pages, 0, sizeof(pages));
}

/* One of four is asked about: a page has about that many. */
static void small_blocks(size_t size)
{
    size_t count = size / SMALL;
    char **blocks = malloc(count * sizeof(*blocks));
    if (!blocks)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(SMALL);
        if (!blocks[i])
            exit(1);
        memset(blocks[i], 1, SMALL);
    }
    for (size_t i = 0; i < count; i += 4)
        add_pages((char *)((size_t)blocks[i] & ~((size_t)sysconf(_SC_PAGESIZE) - 1)), 1);
    print("small");
}

static void large_block(size_t size)
{
    char *block = malloc(size);
    if (!block)
        exit(1);
    memset(block, 1, size);
    add_pages((char *)((size_t)block & ~((size_t)sysconf(_SC_PAGESIZE) - 1)), size);
    print("large");
}

static void mapping(size_t size)
{
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        exit(1);
    memset(block, 1, size);
    add_pages(block, size);
    print("mapping");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    size_t size = (size_t)atoi(argv[1]) * MIB;
    small_blocks(size);
    large_block(size);
    mapping(size);
    return 0;
}
