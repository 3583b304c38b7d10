/* A thread that is made before main, and one that is made while the program ends. */
#include <pthread.h>
#include <stdio.h>

static int early, late;

static void *body(void *argument)
{
    ++*(int *)argument;
    return argument;
}

static void make(int *counter)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, counter) == 0)
        pthread_join(thread, NULL);
}

__attribute__((constructor)) static void before(void)
{
    make(&early);
}

__attribute__((destructor)) static void after(void)
{
    make(&late);
    printf("%d %d\n", early, late);
}

int main(void)
{
    return 0;
}
