/* Six threads fork at once, again and again: each child allocates, frees and ends. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define FORKS   100

static _Atomic unsigned well;

static void use(void)
{
    void *blocks[50];
    for (size_t i = 0; i < 50; i++)
        blocks[i] = malloc(i * 997 + 10);
    for (size_t i = 0; i < 50; i++)
        free(blocks[i]);
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        int status = 1;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            use();
            _exit(0);
        }
        use();
        well += child > 0 && waitpid(child, &status, 0) == child && status == 0;
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    alarm(40);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, fork_often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%u children of %u ended well\n", well, THREADS * FORKS);
    return well != THREADS * FORKS;
}
