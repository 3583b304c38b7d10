/* What a burst leaves behind: resident KiB at the start, at the peak, after malloc_trim, and after normal work. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long resident(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6))
            kib = atol(line + 6);
    fclose(file);
    return kib;
}

static void burst(void)
{
    enum { COUNT = 200000 };
    void **blocks = malloc(COUNT * sizeof *blocks);
    for (int i = 0; i < COUNT; i++)
        blocks[i] = memset(malloc((size_t)(16 + i % 1000)), 1, (size_t)(16 + i % 1000));
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    free(blocks);
    free(memset(malloc(100 << 20), 1, 100 << 20));
}

static void work(double seconds)
{
    void *blocks[1000] = {0};
    struct timespec now, start;
    unsigned seed = 1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        for (int i = 0; i < 10000; i++) {
            seed = seed * 1103515245 + 12345;
            void **slot = &blocks[(seed >> 8) % 1000];
            free(*slot);
            *slot = malloc(16 + (seed >> 16 & 2047));
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
    for (int i = 0; i < 1000; i++)
        free(blocks[i]);
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
