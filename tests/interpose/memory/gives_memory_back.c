/* What a burst leaves behind: resident KiB at the start, at the peak, after malloc_trim, and after normal work. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resident.h"

static void burst(void)
{
    enum { COUNT = 200000 };
    void **blocks = malloc(COUNT * sizeof(*blocks));
    for (int i = 0; i < COUNT; i++)
        blocks[i] = memset(malloc((size_t)(16 + i % 1000)), 1, (size_t)(16 + i % 1000));
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    free(blocks);
    free(memset(malloc(100 << 20), 1, 100 << 20));
}

int main(void)
{
    work(0.01);
    long start = resident();
    burst();
    work(1.2);
    long after_work = resident();
    burst();
    malloc_trim(0);
    printf("%ld %ld %ld\n", start, after_work, resident());
    return 0;
}
