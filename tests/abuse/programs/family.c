/* family fork|spawn|vfork COMMAND: children by one of three calls, each runs COMMAND; their ends are told. Ends with 5. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 2

extern char **environ;

static pid_t begin(const char *way, char **command)
{
    pid_t pid = -1;
    if (!strcmp(way, "spawn"))
        return posix_spawn(&pid, command[0], NULL, NULL, command, environ) == 0 ? pid : -1;
    pid = !strcmp(way, "vfork") ? vfork() : fork();
    if (pid == 0) {
        execv(command[0], command);
        _exit(127);
    }
    return pid;
}

/* A child that runs nothing else, and has memory of its own. */
static pid_t begin_working(void)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char *memory = malloc(200000);
    memset(memory, 1, 200000);
    free(memory);
    exit(6);
}

int main(int argc, char **argv)
{
    int status, sum = 0;
    if (argc < 3)
        return 2;
    for (int i = 0; i < CHILDREN; i++) {
        if (begin(argv[1], argv + 2) < 0 || wait(&status) < 0)
            return 1;
        sum += status;
    }
    if (!strcmp(argv[1], "fork") && (begin_working() < 0 || wait(&status) < 0))
        return 1;
    printf("family %d %d, no other child: %d\n", sum, status, wait(&status));
    return 5;
}
