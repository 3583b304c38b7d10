/* Closes all descriptors it finds open beyond the standard ones, and counts them. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *body(void *argument)
{
    return argument;
}

int main(void)
{
    int open = 0;
    pthread_t thread;
    for (int fd = 3; fd < 1024; fd++)
        open += close(fd) == 0;
    printf("%d\n", open);
    if (pthread_create(&thread, NULL, body, NULL) != 0)
        return 1;
    return pthread_join(thread, NULL);
}
