/* A program without children: wait() must say so, whatever the library started for itself. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static volatile sig_atomic_t told;

static void on_child(int number)
{
    told = number;
}

int main(void)
{
    signal(SIGCHLD, on_child);
    int result = wait(NULL), error = errno;
    printf("%d %d %d\n", result, error == ECHILD, told);
    return 0;
}
