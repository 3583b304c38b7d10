#include "tools/prepare/launcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/cpuset.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/common/stat_line.h"
#include "tools/prepare/rank.h"

static pid_t parent_of(pid_t pid)
{
    char path[64], text[STAT_LINE_SIZE];
    struct stat_line line;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    read_start(path, text, sizeof(text));
    return stat_line_parse(&line, text) == 0 ? line.parent : 0;
}

/* Not where its environment cannot be seen: slurmstepd is root's. */
static bool is_of_rank(pid_t pid, const char *variable, const char *value)
{
    char *theirs = process_variable(pid, variable);
    bool same = theirs && strcmp(theirs, value) == 0;
    free(theirs);
    return same;
}

static unsigned cpus_of(pid_t pid)
{
    struct cpuset cpus = CPUSET_EMPTY;
    unsigned count = thread_cpus_now(pid, pid, &cpus) == 0 ? cpuset_weight(&cpus) : 0;
    cpuset_free(&cpus);
    return count;
}

bool launcher_has_bound(const struct policy *policy)
{
    const char *variable = rank_variable(policy), *value = variable ? getenv(variable) : NULL;
    pid_t launcher = getppid();
    while (value && launcher > 1 && is_of_rank(launcher, variable, value))
        launcher = parent_of(launcher);
    return value && launcher > 0 && cpus_of(getpid()) < cpus_of(launcher);
}
