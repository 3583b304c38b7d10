/* Four workers without names that wait for the end of stdin. */
#include <pthread.h>
#include <stdio.h>

static pthread_barrier_t over;

static void *body(void *argument)
{
    pthread_barrier_wait(&over);
    return argument;
}

int main(void)
{
    pthread_t threads[4];
    pthread_barrier_init(&over, NULL, 5);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, body, NULL);
    puts("ready");
    fflush(stdout);
    getchar();
    pthread_barrier_wait(&over);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
