/* Program errors, chosen by number: each must end with one line and SIGABRT. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

int main(int argc, char **argv)
{
    char *volatile large = malloc(1 << 20), *volatile small = malloc(100), *volatile inside = malloc(1 << 20);
    pthread_t thread;
    (void)argc;
    switch (argv[1][0]) {
    case 'l': /* a large object twice */
        free(large);
        free(large);
        break;
    case 'i': /* the middle of a large object */
        free(inside + 4096);
        break;
    case 's': /* a small block twice: seen at once when hardened */
        free(small);
        free(small);
        break;
    case 'm': /* the middle of a small block, by another thread */
        pthread_create(&thread, NULL, free_it, small + 8);
        pthread_join(thread, NULL);
        break;
    }
    puts("not noticed");
    return 0;
}
