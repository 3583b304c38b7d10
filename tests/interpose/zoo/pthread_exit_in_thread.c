/* A thread that ends by pthread_exit, one by cancellation, one by return: all slots must be free again. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *exits(void *argument)
{
    pthread_exit(argument);
}

static void *waits(void *argument)
{
    pause();
    return argument;
}

static void *returns(void *argument)
{
    return argument;
}

int main(void)
{
    void *(*bodies[])(void *) = {exits, waits, returns};
    for (int round = 0; round < 50; round++)
        for (int i = 0; i < 3; i++) {
            pthread_t thread;
            void *result = NULL;
            pthread_create(&thread, NULL, bodies[i], &round);
            if (i == 1)
                pthread_cancel(thread);
            pthread_join(thread, &result);
            if (round == 0)
                puts(result == PTHREAD_CANCELED ? "cancelled" : result == &round ? "result kept" : "result lost");
        }
    getchar();
    return 0;
}
