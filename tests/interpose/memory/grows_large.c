/*
 * Three blocks grow in turn, by an eighth each time, as vectors do. Prints whether they kept what was written, and the
 * page faults that this took for each hundred pages that were written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define BLOCKS 3u
#define MIB    ((size_t)1 << 20)
#define MOST   (150 * MIB)
#define PAGE   4096u

static long faults(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : 0;
}

int main(void)
{
    size_t *blocks[BLOCKS] = {0}, written = 0, size = MIB;
    long before = faults();
    for (; size < MOST; size += size / 8 / PAGE * PAGE) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            blocks[i] = realloc(blocks[i], size);
            if (!blocks[i])
                return 1;
            for (size_t at = written; at < size; at += PAGE)
                blocks[i][at / sizeof(size_t)] = at + i;
        }
        written = size;
    }
    long taken = faults() - before;
    for (unsigned i = 0; i < BLOCKS; i++) {
        for (size_t at = 0; at < written; at += PAGE)
            if (blocks[i][at / sizeof(size_t)] != at + i)
                return 2;
        free(blocks[i]);
    }
    printf("kept %ld\n", taken * 100 / (long)(BLOCKS * written / PAGE));
    return 0;
}
