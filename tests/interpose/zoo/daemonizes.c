/* daemon(3), then a thread; the daemon leaves a file as its sign of life. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *body(void *argument)
{
    FILE *file = fopen(argument, "w");
    if (file) {
        fputs("thread ran", file);
        fclose(file);
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 2 || daemon(1, 1) != 0)
        return 1;
    pthread_create(&thread, NULL, body, argv[1]);
    return pthread_join(thread, NULL);
}
