/*
 * counted: runs a program in the guest with the access counter on, from its start to its end.
 *
 *   counted [--marks | --looks MS | --from FILE MS] COMMAND…
 *
 * --marks: the program says itself when to count (marks.h). --looks: the counter keeps what it has counted every MS ms.
 * --from: it counts for MS ms from when there is such a file, and then ends the program.
 *
 * First it shows the counter where each node's memory is. Exit status: the program's, 0 where it was ended; 125: the
 * marks cannot be made, or the program ended before its time, 127: it cannot be started. Static and linked at an address of its own, so that it is not counted itself.
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

static struct {
    bool marks;
    unsigned look_ms;
    const char *from; /* NULL: counts from the start */
    unsigned from_ms;
} options;

/* SIGCHLD is blocked: whether a child has ended within that time, or before. */
static bool ends_within(unsigned ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    return sigtimedwait(&ended, NULL, &time) >= 0;
}

static int status_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int look_until_it_ends(pid_t child)
{
    while (!ends_within(options.look_ms))
        mark_store(MARK_LOOK);
    return status_of(child);
}

static int count_later(pid_t child)
{
    bool ended = false;
    while (!ended && access(options.from, F_OK) != 0)
        ended = ends_within(20);
    mark_store(MARK_START);
    ended = ended || ends_within(options.from_ms);
    mark_store(MARK_STOP);
    kill(child, SIGKILL);
    status_of(child);
    return ended ? 125 : 0;
}

static int run(char **command)
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
    if (options.from)
        return count_later(child);
    int status = options.look_ms ? look_until_it_ends(child) : status_of(child);
    mark_store(MARK_STOP);
    return status;
}

/* The options' words. */
static int read_options(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (!strcmp(first, "--marks")) {
        options.marks = true;
        return 1;
    }
    if (argc > 2 && !strcmp(first, "--looks")) {
        options.look_ms = (unsigned)atoi(argv[2]);
        return 2;
    }
    if (argc > 3 && !strcmp(first, "--from")) {
        options.from = argv[2];
        options.from_ms = (unsigned)atoi(argv[3]);
        return 3;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int words = read_options(argc, argv);
    if (argc < 2 + words || !map(MARK_PAGE, 4096)) {
        fputs("counted: a command is missing, or the marks cannot be made\n", stderr);
        return 125;
    }
    show_nodes();
    if (!options.marks && !options.from)
        mark_store(MARK_START);
    return run(argv + 1 + words);
}
