/* Forks while other threads come and go: no child may hang. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over;

static void *nothing(void *argument)
{
    return argument;
}

static void *makes_threads(void *argument)
{
    while (!over) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return argument;
}

int main(void)
{
    pthread_t makers[3], thread;
    int good = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&makers[i], NULL, makes_threads, NULL);
    for (int i = 0; i < 300; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL));
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    over = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(makers[i], NULL);
    printf("%d\n", good);
    return 0;
}
