/*
 * Three threads: made by the program itself, by a library, and by the program when the library calls back. With a
 * number, the library then sets the main thread's CPUs: asks_through_a_library [CPU]. Waits for the end of its input.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/interpose/zoo/middle.h"

static pthread_barrier_t over;

static void *body(void *argument)
{
    pthread_barrier_wait(&over);
    return argument;
}

__attribute__((noinline)) static int make(pthread_t *ret_thread, void *(*what)(void *))
{
    int error = pthread_create(ret_thread, NULL, what, NULL);
    __asm__ volatile("" ::: "memory");
    return error;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    pthread_barrier_init(&over, NULL, 4);
    make(&threads[0], body);
    middle_makes(&threads[1], body);
    middle_calls_back(make, &threads[2], body);
    if (argc > 1)
        middle_pins(1ul << atoi(argv[1]));
    puts("ready");
    fflush(stdout);
    getchar();
    pthread_barrier_wait(&over);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
