/*
 * bench-threads: create and join threads, one after the other.
 *
 *   bench-threads COUNT [self]     prints nanoseconds a thread; self: each thread pins itself, as a program
 *                                  does that was written for it (pthread_setaffinity_np in the child)
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static cpu_set_t wanted;

static void *idle(void *argument)
{
    return argument;
}

static void *pin_itself(void *argument)
{
    if (pthread_setaffinity_np(pthread_self(), sizeof(wanted), &wanted) != 0)
        abort();
    return argument;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    void *(*body)(void *) = argc > 2 && strcmp(argv[2], "self") == 0 ? pin_itself : idle;
    struct timespec start, end;
    cpu_set_t allowed;
    if (count <= 0 || sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 2;
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&wanted) == 0; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            CPU_SET(cpu, &wanted);
    for (long i = -count / 10; i < count; i++) {
        pthread_t thread;
        if (i == 0)
            clock_gettime(CLOCK_MONOTONIC, &start);
        if (pthread_create(&thread, NULL, body, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.0f\n",
           ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / (double)count);
    return 0;
}
