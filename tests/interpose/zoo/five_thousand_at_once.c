/* More live threads than the telemetry lists. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS 5000

static pthread_barrier_t ready, over;

static void *body(void *argument)
{
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&over);
    return argument;
}

int main(void)
{
    static pthread_t threads[THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    pthread_barrier_init(&over, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], &attributes, body, NULL) != 0)
            return 1;
    pthread_barrier_wait(&ready);
    puts("all there");
    fflush(stdout);
    getchar();
    pthread_barrier_wait(&over);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
