/*
 * maps: where is what a program maps itself? An anonymous mapping, the same after it grew, shared memory.
 *
 * Prints {"anonymous": [pages on node 0, 1, …], "grown": […], "shared": […]}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE       ((size_t)sysconf(_SC_PAGESIZE))
#define SIZE       ((size_t)4 << 20)
#define NODES_MOST 64

static void count(const char *name, char *memory, size_t size)
{
    unsigned on[NODES_MOST] = {0}, last = 0;
    memset(memory, 1, size);
    for (size_t i = 0; i < size; i += PAGE) {
        void *page = memory + i;
        int node = -1;
        if (syscall(SYS_move_pages, 0, 1ul, &page, NULL, &node, 0) != 0 || node < 0 || node >= NODES_MOST)
            abort();
        on[node]++;
        if ((unsigned)node > last)
            last = (unsigned)node;
    }
    printf("\"%s\": [", name);
    for (unsigned i = 0; i <= last; i++)
        printf(i ? ", %u" : "%u", on[i]);
    putchar(']');
}

static char *map(int flags)
{
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(1);
    return memory;
}

int main(void)
{
    char *memory = map(MAP_PRIVATE), *shared = map(MAP_SHARED);
    putchar('{');
    count("anonymous", memory, SIZE);
    memory = mremap(memory, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED)
        return 1;
    fputs(", ", stdout);
    count("grown", memory, 2 * SIZE);
    fputs(", ", stdout);
    count("shared", shared, SIZE);
    puts("}");
    return 0;
}
