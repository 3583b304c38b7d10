#include "tools/common/program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? strdup(name) : NULL;
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, at, name);
        if (length && access(candidate, X_OK) == 0)
            return strdup(candidate);
        at += length + (at[length] == ':');
    }
    return NULL;
}
