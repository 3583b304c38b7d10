/*
 * filtered: runs a program whose calls for memory policies and page placement the kernel answers with an error, as
 * container runtimes do (their profiles leave set_mempolicy, mbind and their kin out without CAP_SYS_NICE).
 *
 *   filtered EPERM|ENOSYS|KILL|PERF|PERF-KILL COMMAND…
 *
 * KILL: the process dies of such a call, as under systemd's SystemCallFilter=. PERF, PERF-KILL: the same for
 * perf_event_open alone.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBER(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1)
#define NO_CALL      UINT32_MAX

int main(int argc, char **argv)
{
    unsigned error = argc > 1 && !strcmp(argv[1], "ENOSYS") ? ENOSYS : EPERM;
    bool kills = argc > 1 && strstr(argv[1], "KILL"), perf = argc > 1 && !strncmp(argv[1], "PERF", 4);
    struct sock_filter answer = BPF_STMT(BPF_RET | BPF_K, kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | error);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        NUMBER(perf ? NO_CALL : SYS_set_mempolicy),
        answer,
        NUMBER(perf ? NO_CALL : SYS_get_mempolicy),
        answer,
        NUMBER(perf ? NO_CALL : SYS_mbind),
        answer,
        NUMBER(perf ? NO_CALL : SYS_move_pages),
        answer,
        NUMBER(perf ? NO_CALL : SYS_migrate_pages),
        answer,
        NUMBER(SYS_perf_event_open),
        answer,
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
    if (argc < 3)
        return 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("filtered");
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
