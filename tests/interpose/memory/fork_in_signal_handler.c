/* A signal handler that interrupts malloc forks, and the child allocates before it ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t forked, well;

static void handle(int signal)
{
    (void)signal;
    int status;
    if (forked >= 150) /* a slow machine has the next signal ready before main goes on */
        return;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        for (size_t i = 0; i < 200; i++) {
            char *block = malloc(i * i);
            if (i)
                memset(block, 1, i * i);
            free(block);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    forked++;
    well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    void *blocks[512] = {0};
    unsigned seed = 1;
    signal(SIGALRM, handle);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 3000}, {0, 3000}}, NULL);
    while (forked < 150) {
        seed = seed * 1103515245 + 12345;
        void **slot = &blocks[seed >> 8 & 511];
        free(*slot);
        *slot = malloc((seed >> 16 & 7) ? seed >> 16 & 4095 : (seed >> 12 & 1023) * 512);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    printf("%d children of %d ended well\n", (int)well, (int)forked);
    return well != forked;
}
