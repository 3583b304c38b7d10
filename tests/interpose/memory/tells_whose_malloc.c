/*
 * For each line that it reads, a new thread prints how large a block of 1000 bytes is: allocators differ in that. In
 * between, threads come and go, so that it passes our hooks.
 */
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *allocate(void *tell)
{
    void *block = malloc(1000);
    if (tell) {
        printf("%zu\n", malloc_usable_size(block));
        fflush(stdout);
    }
    free(block);
    return NULL;
}

int main(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte = 0;
    for (;;) {
        pthread_t thread;
        int asked = poll(&input, 1, 10);
        if (asked < 0 || (asked && read(STDIN_FILENO, &byte, 1) != 1))
            return 0;
        if (pthread_create(&thread, NULL, allocate, asked ? &byte : NULL) != 0)
            return 1;
        pthread_join(thread, NULL);
    }
}
