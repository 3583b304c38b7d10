/* What the governed processes of this user have on the CPUs, by the board that they share (policy/board.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/board.h"
#include "policy/occupancy.h"
#include "shim/base/runtime_folder.h"
#include "tools/doctor/doctor.h"

/* A regular file of this user, never waited for; -1: there is none. */
static int open_board(enum runtime_folder which)
{
    const struct runtime_user user = {geteuid(), getenv("XDG_RUNTIME_DIR")};
    struct stat info;
    int folder = runtime_folder_open(which, &user, false);
    if (folder < 0)
        return -1;
    int fd = openat(folder, BOARD_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(folder);
    if (fd < 0 || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == user.uid))
        return fd;
    close(fd);
    return -1;
}

static unsigned processes_of(const struct board_head *head)
{
    unsigned processes = 0;
    for (unsigned i = 0; i < BOARD_SLOTS / 64; i++)
        processes += (unsigned)__builtin_popcountll(head->used[i]);
    return processes;
}

/* Rounded; a CPU has no more than is believed. */
static uint64_t threads_on(int fd, uint32_t cpus)
{
    uint64_t parts = 0;
    for (uint32_t cpu = 0; cpu < cpus && cpu < BOARD_CPUS; cpu++) {
        struct board_sum sum;
        if (pread(fd, &sum, sizeof(sum), (off_t)(BOARD_SUMS_AT + cpu * sizeof(sum))) != (ssize_t)sizeof(sum))
            break;
        parts += sum.all < BOARD_MOST ? sum.all : BOARD_MOST;
    }
    return (parts + OCCUPANCY_ONE / 2) / OCCUPANCY_ONE;
}

void diagnose_board(struct diagnosis *diagnosis)
{
    int fd = -1;
    for (int which = 0; which < RUNTIME_FOLDERS && fd < 0; which++)
        fd = open_board((enum runtime_folder)which);
    struct board_head head;
    if (fd < 0)
        return;
    if (pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) && head.magic == BOARD_MAGIC && processes_of(&head))
        diagnose(diagnosis, "occupancy", HEALTH_FINE, NULL,
                 "this user's governed processes: %u, with %llu threads that new ones keep out of the way of",
                 processes_of(&head), (unsigned long long)threads_on(fd, head.cpus));
    close(fd);
}
