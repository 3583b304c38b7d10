/* A forked child that makes threads, forked from main and from a thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *body(void *argument)
{
    return argument;
}

static int threads_in_child(void)
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        for (int i = 0; i < 20; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, body, NULL) != 0 || pthread_join(thread, NULL) != 0)
                _exit(1);
        }
        exit(7);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void *forks(void *argument)
{
    printf("%d\n", threads_in_child());
    return argument;
}

int main(void)
{
    pthread_t thread;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%d\n", threads_in_child());
    pthread_create(&thread, NULL, forks, NULL);
    pthread_join(thread, NULL);
    for (int i = 0; i < 200; i++)
        if (threads_in_child() != 7)
            return 1;
    return 0;
}
