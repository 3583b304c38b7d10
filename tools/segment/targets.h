/*
 * targets: the processes and threads that a command line names. A word is a process id, the id of one thread, a name of
 * processes that run under a policy (a pattern as for fnmatch(3) as well), or one of these, '/', and the id or the name of
 * a thread in it.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_TARGETS_H
#define NODEWISE_TOOLS_SEGMENT_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct target {
    pid_t pid, tid; /* tid 0: the whole process */
};

struct targets {
    struct target *items; /* none twice, in the order of the words; of one word by ascending ids */
    size_t count;
};

/*
 * EXIT_OK with at least one; or an exit code after having said in the name of `verb` what no process has. A number
 * without a process passes: a process that was killed has left what it told.
 */
int targets_find(struct targets *ret_targets, const char *verb, char *const *words, size_t count);
void targets_free(struct targets *targets);

/*
 * Finds them as targets_find() does, and calls `view` for each; the worst of what they return. A blank line is printed
 * between two where `apart`.
 */
int targets_view(const char *verb, char *const *words, size_t count, bool apart,
                 int (*view)(void *context, const struct target *target), void *context);

#endif
