/* All threads ask the allocator to give memory back, at the same time and before anything else has been asked of it. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

#define THREADS 8

static pthread_barrier_t all;

static void *work(void *argument)
{
    pthread_barrier_wait(&all);
    malloc_trim(0);
    mallopt(M_TOP_PAD, 65536);
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&all, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
