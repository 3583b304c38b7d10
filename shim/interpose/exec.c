/*
 * exec: calls that start a program with an environment that the caller composed. Where that has a copy of our variable
 * about the program's choices (base/chosen.h), the copy may be older than the last choice: Python, for one, copies the
 * environment when it starts. The new program gets what holds now. Nothing is added to an environment without it.
 *
 * The caller may be a child of vfork, in the parent's memory: only its stack is written.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "policy/chosen.h"
#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/next.h"

#define MOST 1024 /* entries that are copied, 8 KiB of stack; a larger environment is passed on as it is */

#define IS_OURS(entry) (strncmp(entry, CHOSEN_VARIABLE "=", sizeof(CHOSEN_VARIABLE)) == 0)

/* The position of our variable. MOST: it is not there, or has nothing to be renewed. *ret_count: all entries. */
static size_t find_outdated(char *const *list, size_t *ret_count)
{
    size_t at = MOST, count = 0;
    if (!list || list == environ || !chosen_entry())
        return MOST;
    for (; list[count]; count++)
        if (IS_OURS(list[count]) && strcmp(list[count], chosen_entry()) != 0)
            at = count;
    *ret_count = count;
    return count < MOST ? at : MOST;
}

static char **copy(char **to, char *const *list, size_t count, size_t at)
{
    memcpy(to, list, (count + 1) * sizeof(*to));
    to[at] = chosen_entry();
    return to;
}

/* The list, or a copy of it on the stack of the function that uses this, hence a macro. */
#define RENEWED(list)                                                                                                  \
    ({                                                                                                                 \
        size_t count_ = 0, at_ = find_outdated(list, &count_);                                                         \
        at_ < MOST ? copy(__builtin_alloca((count_ + 1) * sizeof(char *)), list, count_, at_) : list;                  \
    })

PUBLIC int execve(const char *path, char *const *arguments, char *const *list)
{
    char *const *renewed = RENEWED(list);
    return NEXT_OR_ENOSYS(execve, (path, arguments, renewed));
}

PUBLIC int execvpe(const char *name, char *const *arguments, char *const *list)
{
    char *const *renewed = RENEWED(list);
    return NEXT_OR_ENOSYS(execvpe, (name, arguments, renewed));
}

PUBLIC int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const *arguments, char *const *list)
{
    next_posix_spawn *next = NEXT_OR_BIND(posix_spawn);
    char *const *renewed = RENEWED(list);
    return next ? next(ret_pid, path, actions, attributes, arguments, renewed) : ENOSYS;
}

PUBLIC int posix_spawnp(pid_t *ret_pid, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const *arguments, char *const *list)
{
    next_posix_spawnp *next = NEXT_OR_BIND(posix_spawnp);
    char *const *renewed = RENEWED(list);
    return next ? next(ret_pid, name, actions, attributes, arguments, renewed) : ENOSYS;
}
