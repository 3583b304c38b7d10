#include "tools/common/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"

static int take(char **ret_path, const char *path)
{
    if (access(path, X_OK) != 0)
        return -errno;
    *ret_path = strdup(path);
    return *ret_path ? 0 : -ENOMEM;
}

int program_find(char **ret_path, const char *name)
{
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];
    int error = -ENOENT;
    if (strchr(name, '/'))
        return take(ret_path, name);
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, at, name);
        int one = length ? take(ret_path, candidate) : -ENOENT;
        if (one == 0 || one == -ENOMEM)
            return one;
        if (one == -EACCES) /* as execvp(3): it goes on, and says so when there is no other */
            error = one;
        at += length + (at[length] == ':');
    }
    return error;
}

int program_become(const char *ending, char *const *argv)
{
    char path[PATH_MAX];
    size_t room = sizeof(path) - strlen(ending) - 1;
    ssize_t length = readlink("/proc/self/exe", path, room);
    if (length < 0) {
        print_error("/proc/self/exe cannot be read: %s", strerror(errno));
        return EXIT_NO;
    }
    strcpy(path + length, ending);
    execv(path, argv);
    print_error("%s cannot be started: %s", path, strerror(errno));
    return EXIT_NO;
}
