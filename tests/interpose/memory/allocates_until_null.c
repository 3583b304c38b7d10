/* Allocates until there is no more, in pieces of the size given (KiB), twice: ENOMEM is the only thing that happens. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 64) << 10, first = 0, second = 0;
    for (int round = 0; round < 2; round++) {
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
