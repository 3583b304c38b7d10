/* Threads with the smallest stack that libc allows, joined and detached. */
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

static sem_t done;

static void *body(void *argument)
{
    sem_post(&done);
    return argument;
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attributes);
    printf("%d\n", pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)));
    printf("%d\n", pthread_create(&thread, &attributes, body, NULL));
    sem_wait(&done);
    pthread_join(thread, NULL);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    printf("%d\n", pthread_create(&thread, &attributes, body, NULL));
    sem_wait(&done);
    return 0;
}
