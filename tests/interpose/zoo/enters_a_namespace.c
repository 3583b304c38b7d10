/*
 * Makes work for the library's thread, ends its own threads, and enters a user namespace at once, or joins one:
 * enters_a_namespace unshare|unshare-syscall|setns|setns-syscall. Prints what the call answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int is(const char *name, char **argv)
{
    return !strcmp(argv[1], name);
}

static void *work(void *unused)
{
    free(malloc(100));
    return unused;
}

/* The library looks for the name that is written here, which takes it a while. The thread is one that the kernel has
 * forgotten: pthread_join returns a moment before. */
static void make_work(void)
{
    pthread_t thread;
    int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);
    if (write(fd, "enters", 6) != 6)
        perror("comm");
    close(fd);
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    usleep(30000);
}

/* A process in a user namespace of its own; its file in /proc, or -1. */
static int other_namespace(pid_t *ret_child)
{
    int ends[2];
    char path[64], byte;
    if (pipe(ends) != 0)
        return -1;
    *ret_child = fork();
    if (*ret_child == 0) {
        int made = unshare(CLONE_NEWUSER);
        if (write(ends[1], made ? "-" : "+", 1) == 1)
            pause();
        _exit(0);
    }
    if (read(ends[0], &byte, 1) != 1 || byte != '+')
        return -1;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)*ret_child);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
    pid_t child = 0;
    long result = -1;
    if (argc < 2)
        return 2;
    int fd = strstr(argv[1], "setns") ? other_namespace(&child) : -1;
    make_work();
    errno = 0;
    if (is("unshare", argv))
        result = unshare(CLONE_NEWUSER);
    else if (is("unshare-syscall", argv))
        result = syscall(SYS_unshare, CLONE_NEWUSER);
    else if (is("setns", argv))
        result = setns(fd, CLONE_NEWUSER);
    else
        result = syscall(SYS_setns, fd, CLONE_NEWUSER);
    printf("%ld %s\n", result, result ? strerror(errno) : "");
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return 0;
}
