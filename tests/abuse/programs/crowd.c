/* Threads that come, get names, allocate for each other and go; twice. Ends with 4. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/abuse/programs/limit.h"

#define THREADS 4
#define BLOCKS  300

static void *handed[THREADS][BLOCKS];

static void *work(void *argument)
{
    unsigned number = *(const unsigned *)argument;
    char name[16];
    unsigned long sum = 0;
    snprintf(name, sizeof(name), "w-%u", number);
    pthread_setname_np(pthread_self(), name);
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = i % 50 == 0 ? (size_t)3 << 20 : i % 7 == 0 ? 40000 : 32 + i;
        unsigned char *block = malloc(size);
        if (!block)
            return NULL;
        memset(block, (int)i, size);
        sum += block[size / 2];
        if (i % 3)
            free(block);
        else
            handed[number][i] = block;
    }
    return (void *)sum;
}

static unsigned long round_of_threads(void)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    unsigned long sum = 0;
    void *result;
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_join(threads[i], &result) != 0 || !result)
            exit(1);
        sum += (unsigned long)result;
    }
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned j = 0; j < BLOCKS; j++) {
            free(handed[i][j]); /* by another thread than the one that made it */
            handed[i][j] = NULL;
        }
    return sum;
}

int main(void)
{
    unsigned long sum = round_of_threads();
    limit_itself();
    sum += round_of_threads();
    printf("crowd %lu\n", sum);
    return 4;
}
