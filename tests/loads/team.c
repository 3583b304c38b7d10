#include "tests/loads/team.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_barrier_t barrier;
static void (*team_work)(unsigned number);

static _Noreturn void end(const char *what)
{
    perror(what);
    exit(1);
}

unsigned team_word(int argc, char **argv, int n, unsigned otherwise)
{
    char *rest;
    if (n >= argc)
        return otherwise;
    unsigned long value = strtoul(argv[n], &rest, 10);
    if (*rest || value < 1 || value > 1000000000)
        exit(2);
    return (unsigned)value;
}

static void *run(void *number)
{
    team_work((unsigned)(uintptr_t)number);
    return NULL;
}

void team_run(unsigned threads, void (*work)(unsigned number))
{
    pthread_t ids[TEAM_MOST];
    if (threads < 1 || threads > TEAM_MOST)
        exit(2);
    team_work = work;
    if (pthread_barrier_init(&barrier, NULL, threads) != 0)
        end("pthread_barrier_init");
    for (uintptr_t i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, run, (void *)i) != 0)
            end("pthread_create");
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&barrier);
}

void team_meet(void)
{
    pthread_barrier_wait(&barrier);
}

void *team_allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        end("malloc");
    return memory;
}

int team_answer(const char *name, uint64_t found, uint64_t expected)
{
    if (found == expected) {
        printf("%s ok\n", name);
        return 0;
    }
    printf("%s: %lu, not %lu\n", name, (unsigned long)found, (unsigned long)expected);
    return 1;
}
