/* threads_that_leave return|exit|cancelled COUNT: threads that end in that way, one after the other. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *how;

static void *run(void *argument)
{
    free(malloc(100));
    if (strcmp(how, "exit") == 0)
        pthread_exit(argument);
    while (strcmp(how, "cancelled") == 0)
        pause();
    return argument;
}

int main(int argc, char **argv)
{
    how = argc > 1 ? argv[1] : "return";
    for (int i = argc > 2 ? atoi(argv[2]) : 1; i > 0; i--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, NULL) != 0)
            return 1;
        if (strcmp(how, "cancelled") == 0)
            pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    puts("all have left");
    return 0;
}
