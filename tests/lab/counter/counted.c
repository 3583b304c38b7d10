/*
 * counted: runs a program in the guest with the access counter on, from its start to its end.
 *
 *   counted [--marks | --looks MS] COMMAND…
 *
 * --marks: the program says itself when to count (marks.h). --looks: the counter keeps what it has counted every MS ms.
 *
 * First it shows the counter where each node's memory is. Exit status: the program's; 125: the marks cannot be made,
 * 127: the program cannot be started. Static and linked at an address of its own, so that it is not counted itself.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/counter/marks.h"

static bool map(uint64_t address, size_t size)
{
    return mmap((void *)(uintptr_t)address, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)(uintptr_t)address;
}

/* Nodes without memory cannot be bound to: the call says so. */
static void show_nodes(void)
{
    unsigned shown = 0;
    for (unsigned node = 0; node < MARK_MOST; node++) {
        uint64_t address = MARK_NODES + node * MARK_STEP, mask = UINT64_C(1) << node;
        if (!map(address, 4096) || syscall(SYS_mbind, address, 4096, MPOL_BIND, &mask, sizeof(mask) * 8 + 1, 0) != 0)
            continue;
        mark_store(address);
        shown++;
    }
    if (!shown)
        mark_store(MARK_BAD);
}

/* SIGCHLD is blocked, so that its end is not missed between two looks. */
static int wait_for(pid_t child, unsigned look_ms)
{
    const struct timespec every = {look_ms / 1000, (long)(look_ms % 1000) * 1000000};
    sigset_t ended;
    int status = 0;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    while (look_ms && waitpid(child, &status, WNOHANG) == 0) {
        if (sigtimedwait(&ended, NULL, &every) < 0 && errno == EAGAIN)
            mark_store(MARK_LOOK);
    }
    while (!look_ms && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int run(char **command, unsigned look_ms)
{
    sigset_t ended, before;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, &before);
    pid_t child = fork();
    if (child < 0)
        return 125;
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(command[0], command);
        fprintf(stderr, "counted: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    int status = wait_for(child, look_ms);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    bool marks = argc > 1 && !strcmp(argv[1], "--marks");
    unsigned look_ms = argc > 2 && !strcmp(argv[1], "--looks") ? (unsigned)atoi(argv[2]) : 0;
    int words = marks ? 1 : look_ms ? 2 : 0;
    if (argc < 2 + words || !map(MARK_PAGE, 4096)) {
        fputs("counted: a command is missing, or the marks cannot be made\n", stderr);
        return 125;
    }
    show_nodes();
    if (!marks)
        mark_store(MARK_START);
    int status = run(argv + 1 + words, look_ms);
    mark_store(MARK_STOP);
    return status;
}
