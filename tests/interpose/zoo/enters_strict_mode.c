/*
 * Forked children, one of them without fork handlers, and then main itself enter seccomp's strict mode: the kernel kills
 * for any call but read, write, exit.
 */
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void locked_in(void)
{
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
        _exit(9);
    syscall(SYS_write, 1, "in\n", 3);
    syscall(SYS_exit, 0);
}

static void lock_a_child_in(long pid)
{
    int status;
    if (pid == 0)
        locked_in();
    waitpid((pid_t)pid, &status, 0);
    printf("%d\n", status);
    fflush(stdout);
}

int main(void)
{
    lock_a_child_in(fork());
    lock_a_child_in(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
    locked_in();
}
