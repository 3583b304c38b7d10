/*
 * A filter that answers EPERM to sched_setaffinity, as some sandboxes do; set by a system call of its own, or with an
 * argument through syscall(2), where the library sees it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/sys/call.h"

static void *body(void *argument)
{
    getchar();
    return argument;
}

int main(int argc, char **argv)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};
    pthread_t thread;
    /* Without no_new_privs only root may do this, so as another user the filter is simply not there. */
    if (argc > 1)
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    else
        program_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    (void)argv;
    puts("filtered");
    fflush(stdout);
    pthread_create(&thread, NULL, body, NULL);
    return pthread_join(thread, NULL);
}
