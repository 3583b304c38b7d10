/* A child with an empty environment prints what it was given: nothing may be added to it. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t child = fork();
    static char name[] = "env";
    char *const arguments[] = {name, NULL}, *const environment[] = {NULL};
    if (child == 0) {
        execve("/usr/bin/env", arguments, environment);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%d\n", status);
    return 0;
}
