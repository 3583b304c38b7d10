/*
 * Allocates until there is no more, in pieces of the size given (KiB), twice: ENOMEM is the only thing that happens.
 * "move": the second time on another CPU, the last one, which may be of another node.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void run_on(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        perror("sched_setaffinity");
}

int main(int argc, char **argv)
{
    size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 64) << 10, first = 0, second = 0;
    bool move = argc > 2 && !strcmp(argv[2], "move");
    for (int round = 0; round < 2; round++) {
        if (move)
            run_on(round ? (int)sysconf(_SC_NPROCESSORS_ONLN) - 1 : 0);
        void **chain = NULL;
        for (;;) {
            void **block = malloc(size);
            if (!block)
                break;
            memset(block, 1, size < 4096 ? size : 4096);
            *block = chain;
            chain = block;
            round ? second++ : first++;
        }
        if (errno != ENOMEM)
            puts("errno is not ENOMEM");
        while (chain) {
            void **next = *chain;
            free(chain);
            chain = next;
        }
    }
    /* at least what a small program needs, and the second time about as much as the first */
    puts(first * size > (4u << 20) && second * 10 >= first * 8 ? "fine" : "too little");
    fprintf(stderr, "%zu %zu\n", first, second);
    return 0;
}
