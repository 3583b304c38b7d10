/* pthread_create that must fail with the program's own mistake, and leave errno alone. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

static void *body(void *argument)
{
    return argument;
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    cpu_set_t nowhere;
    pthread_attr_init(&attributes);
    CPU_ZERO(&nowhere);
    CPU_SET(CPU_SETSIZE - 1, &nowhere);
    pthread_attr_setaffinity_np(&attributes, sizeof(nowhere), &nowhere);
    errno = 1234;
    int error = pthread_create(&thread, &attributes, body, NULL);
    printf("%d %d\n", error, errno);
    errno = 1234;
    error = pthread_create(&thread, NULL, body, NULL);
    printf("%d %d\n", error, errno);
    return pthread_join(thread, NULL);
}
