/* Threads whose names come from main, by their handles, after they run. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_barrier_t over;

static void *body(void *argument)
{
    pthread_barrier_wait(&over);
    return argument;
}

int main(void)
{
    pthread_t threads[3];
    char name[16];
    pthread_barrier_init(&over, NULL, 4);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, body, NULL);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "worker-%d", i + 1);
        if (pthread_setname_np(threads[i], name) != 0)
            return 1;
    }
    printf("%d\n", pthread_setname_np(threads[0], "a name of more than fifteen bytes"));
    fflush(stdout);
    getchar();
    pthread_barrier_wait(&over);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
