/* What programs share that say how much memory they keep. */
#ifndef NODEWISE_TESTS_INTERPOSE_MEMORY_RESIDENT_H
#define NODEWISE_TESTS_INTERPOSE_MEMORY_RESIDENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* KiB of this process. */
static inline long resident(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;
    while (fgets(line, sizeof(line), file))
        if (!strncmp(line, "VmRSS:", 6))
            kib = atol(line + 6);
    fclose(file);
    return kib;
}

static inline double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* A thousand small blocks come and go for so long. */
static inline void work(double seconds)
{
    void *blocks[1000] = {0};
    struct timespec start;
    unsigned seed = 1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        for (int i = 0; i < 10000; i++) {
            seed = seed * 1103515245 + 12345;
            void **place = &blocks[(seed >> 8) % 1000];
            free(*place);
            *place = malloc(16 + (seed >> 16 & 2047));
        }
    while (seconds_since(&start) < seconds);
    for (int i = 0; i < 1000; i++)
        free(blocks[i]);
}

#endif
