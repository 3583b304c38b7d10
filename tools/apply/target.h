/*
 * target: a running process that is placed from outside, with its threads, as /proc shows them. It is held by descriptors
 * of its folder in /proc, which belong to this process and never to a later one of the same number; a thread is the one
 * that was seen while its time of start is the same.
 *
 * Looking is cheap: target_has_changed() costs a system call, target_look() one directory and a file for each thread that is
 * new, and only when asked to it reads the file of each thread, for those that have another name by now.
 */
#ifndef NODEWISE_TOOLS_APPLY_TARGET_H
#define NODEWISE_TOOLS_APPLY_TARGET_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/cpuset.h"
#include "policy/match.h"
#include "policy/occupancy.h"
#include "policy/pick.h"
#include "policy/reason.h"
#include "tools/common/stat_line.h"

struct target_thread {
    pid_t tid;
    uint64_t start_ticks;
    char name[STAT_NAME_SIZE];
    int cpu;          /* on which it ran when it was read last, or -1 */
    bool main, fixed; /* the first thread; the kernel does not let it be placed */
    uint32_t index;   /* order of creation, as far as it was seen */
    bool young;       /* it was so when it was read last, so it is read again: most get their name after their birth */
    bool ended;       /* it was not seen at the last look */
    /* placing.c's */
    bool decided, picked, chose; /* has a rule or none; holds a pick; it chose its CPUs itself */
    bool due, changed;           /* to be placed; to be told */
    uint32_t rule;               /* or PLAN_NONE */
    struct pick pick;            /* where it is picked */
    struct occupancy_pin pin;    /* of what it chose */
    struct cpuset before, now;   /* its CPUs when it was first seen, and before it was placed last */
    struct cpuset asked, got;    /* what it is to have, and what was read back; empty: nothing was asked */
    enum outcome outcome;
    enum reason reason; /* ESRCH: it ended meanwhile */
};

struct target {
    pid_t pid;
    int folder, end; /* of /proc/PID; readable when the process has ended, or -1 where the kernel has no such thing */
    DIR *tasks;
    uint64_t start_ticks;
    unsigned long links;        /* of the folder of threads at the last look: it counts them */
    bool ended, told_end;       /* the latter is the caller's */
    bool has_other_facts;       /* the last look found other ones; the caller clears it */
    struct process_facts facts; /* its texts are those below */
    char exe[PATH_MAX], comm[STAT_NAME_SIZE], parent[STAT_NAME_SIZE], argv[4096];
    struct cpuset base; /* all CPUs that its threads had when it was first seen; of a child, what its parent's had */
    bool has_base;
    struct cpuset inherited;       /* of a child: CPUs that its parent was given, not chosen by it; else empty */
    unsigned claims;               /* placing.claims at the last placing */
    struct target_thread *threads; /* by tid; behind `sorted` those that are new, in order of creation */
    size_t count, room, sorted;
    size_t young;    /* how many are: the next look is worth while */
    uint64_t recent; /* start_ticks of threads that are young at this look */
    uint32_t next_index;
};

/*
 * Finds the process and its facts, not yet its threads; *ret_target stays where it is from then on. number: what
 * process_index matches. 0; -ESRCH: there is none; -ECHILD: it is a thread of another process; -ENOTSUP: it is a thread of
 * the kernel's; or another negative errno.
 */
int target_open(struct target *ret_target, pid_t pid, uint32_t number);
void target_close(struct target *target);

/* Its parent as the kernel says now, or 0. */
pid_t target_parent(const struct target *target);
/* Is it so new that what it is called, and which program it is, may be about to change? */
bool target_is_young(const struct target *target);
/* Reads the facts of the process once more. */
void target_look_at_facts(struct target *target);

/* Has it ended, or another number of threads than at the last look? */
bool target_has_changed(struct target *target);
/*
 * Looks at the threads: those that are new stand at the end, those that are gone are marked as ended, until the caller
 * calls target_settle(), which it does before it looks again. closely: reads each thread once more, and the facts of the
 * process. 0, also where the process has ended; or a negative errno.
 */
int target_look(struct target *target, bool closely);
/* Drops threads that have ended, and puts those that are new in their order. */
void target_settle(struct target *target);
/* Is it still this thread of this process? The answer may be out of date when the caller has it. */
bool target_has_thread(const struct target *target, const struct target_thread *thread);

#endif
