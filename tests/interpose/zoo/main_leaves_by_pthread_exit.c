/* Main ends by pthread_exit; the process ends with its last thread. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *body(void *argument)
{
    usleep(50000);
    puts("last");
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    pthread_exit(NULL);
}
