/*
 * children: processes that the processes of a session start, found by the numbers of their parents. The kernel tells no one without
 * rights of their birth, so /proc is looked through: only when a process or thread was made anywhere since the last look,
 * only those that are new are read, and not more often than a small share of a CPU allows. A child whose parent ended before
 * that look is not found.
 */
#ifndef NODEWISE_TOOLS_APPLY_CHILDREN_H
#define NODEWISE_TOOLS_APPLY_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/plan.h"
#include "tools/apply/target.h"

/* Zeroed at first. */
struct child_search {
    pid_t last;   /* the number that was given out last, at the last look */
    pid_t *known; /* processes that there were, ascending */
    size_t count;
    double due_at; /* CLOCK_MONOTONIC: not before then */
};

struct child {
    pid_t pid, parent;
};

/*
 * Processes that came since the last call (at the first, all that there are), with their parents; malloc'd, ascending.
 * *ret_count is 0 where it is too early to look. 0 or -ENOMEM.
 */
int children_look(struct child_search *children, struct child **ret_new, size_t *ret_count);
void children_free(struct child_search *children);

/* Is the process one that the library governs by itself, or will as soon as it has loaded it? */
bool children_have_library(const struct target *child);

/* A child has its parent's base and number, and may have CPUs that the parent was given. 0 or -ENOMEM. */
int children_inherit(struct target *child, const struct target *parent);

#endif
