/*
 * bench-clear: what calloc costs whose memory was in use before.
 *
 *   bench-clear MIB USED         prints microseconds of CPU time for calloc, use and free of an object, the best of 5
 *
 * USED: percent of the pages that are written to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE_SIZE 4096u

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double once(size_t size, size_t used)
{
    double start = now_us();
    char *volatile block = calloc(1, size);
    if (!block)
        abort();
    for (size_t place = 0; place < used; place += PAGE_SIZE)
        block[place] = 1;
    free(block);
    return now_us() - start;
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 1;
    size_t used = argc > 2 ? size / 100 * strtoul(argv[2], NULL, 10) : size;
    size_t rounds = ((size_t)256 << 20) / size + 4;
    double best = 1e18;
    for (unsigned i = 0; i < 5; i++) {
        double sum = 0;
        for (size_t round = 0; round < rounds; round++)
            sum += once(size, used);
        best = sum / (double)rounds < best ? sum / (double)rounds : best;
    }
    printf("%.0f\n", best);
    return 0;
}
