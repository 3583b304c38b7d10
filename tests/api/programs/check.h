/*
 * check: a program of the tests ends with 1 and the line of what did not hold. What the programs of this folder share is
 * inline here. C17 and C++17.
 */
#ifndef NODEWISE_TESTS_API_CHECK_H
#define NODEWISE_TESTS_API_CHECK_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Is this word among the program's arguments? */
static inline bool told(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], word))
            return true;
    return false;
}

/* What the function gives back in a thread of its own, which has ended. */
static inline void *in_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, run, argument) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    return result;
}

static inline cpu_set_t own_mask(void)
{
    cpu_set_t mask;
    CHECK(sched_getaffinity(0, sizeof(mask), &mask) == 0);
    return mask;
}

static inline bool same_mask(cpu_set_t a, cpu_set_t b)
{
    return CPU_EQUAL(&a, &b);
}

/* The n-th CPU of a mask. */
static inline int nth_cpu(cpu_set_t mask, int n)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &mask) && n-- == 0)
            return cpu;
    return -1;
}

#endif
