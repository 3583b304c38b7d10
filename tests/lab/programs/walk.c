/*
 * walk: reads memory whose place is known, so that it is known what the access counter has to count.
 *
 *   walk CPU NODES KIB ROUNDS      on CPU; memory interleaved over the nodes of the mask; one load for each 64 bytes
 *
 * Run with `vm --count FILE --marks`: nothing but the rounds is counted.
 */
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lab/counter/marks.h"

static void walk(const char *memory, size_t size, unsigned long rounds)
{
    for (unsigned long round = 0; round < rounds; round++)
        for (size_t i = 0; i < size; i += 64)
            (void)*(const volatile char *)(memory + i);
}

/* A huge page would be on one node as a whole. It is asked not to be one where it could be: by chance it could anywhere. */
static char *map_where_huge_pages_lie(size_t size)
{
    const size_t huge = (size_t)2 << 20;
    char *memory = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return memory;
    memory += -(uintptr_t)memory % huge;
    madvise(memory, size, MADV_NOHUGEPAGE); /* a kernel that knows none refuses */
    return memory;
}

int main(int argc, char **argv)
{
    cpu_set_t cpus;
    if (argc != 5)
        return 2;
    CPU_ZERO(&cpus);
    CPU_SET(atoi(argv[1]), &cpus);
    uint64_t nodes = strtoull(argv[2], NULL, 0);
    unsigned long rounds = strtoul(argv[4], NULL, 10);
    size_t size = strtoull(argv[3], NULL, 10) << 10;
    char *memory = map_where_huge_pages_lie(size);
    if (memory == MAP_FAILED || sched_setaffinity(0, sizeof(cpus), &cpus) != 0 ||
        syscall(SYS_mbind, memory, size, MPOL_INTERLEAVE, &nodes, sizeof(nodes) * 8 + 1, MPOL_MF_STRICT) != 0)
        return 1;
    memset(memory, 1, size);
    if (mmap((void *)(uintptr_t)MARK_PAGE, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED)
        return 1;
    mark_store(MARK_PAGE + 24); /* the page is there when counting begins */
    mark_store(MARK_START);
    walk(memory, size, rounds);
    mark_store(MARK_STOP);
    return 0;
}
