/*
 * counted: runs a program in the guest with the access counter on, from its start to its end.
 *
 *   counted [--marks] COMMAND…       --marks: the program says itself when to count (marks.h)
 *
 * First it shows the counter where each node's memory is. Exit status: the program's; 125: the marks cannot be made,
 * 127: the program cannot be started. Static and linked at an address of its own, so that it is not counted itself.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
        uint64_t address = MARK_NODES + (uint64_t)node * 4096, mask = UINT64_C(1) << node;
        if (!map(address, 4096) || syscall(SYS_mbind, address, 4096, MPOL_BIND, &mask, sizeof(mask) * 8 + 1, 0) != 0)
            continue;
        mark_store(address);
        shown++;
    }
    if (!shown)
        mark_store(MARK_BAD);
}

static int run(char **command)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return 125;
    if (child == 0) {
        execvp(command[0], command);
        fprintf(stderr, "counted: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    bool marks = argc > 1 && !strcmp(argv[1], "--marks");
    if (argc < 2 + marks || !map(MARK_PAGE, 4096)) {
        fputs("counted: a command is missing, or the marks cannot be made\n", stderr);
        return 125;
    }
    show_nodes();
    if (!marks)
        mark_store(MARK_START);
    int status = run(argv + 1 + marks);
    mark_store(MARK_STOP);
    return status;
}
