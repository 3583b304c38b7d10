#include "tools/apply/children.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/grow.h"
#include "tools/common/affinity.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/prepare/reach.h"

#define SHARE 2e-4 /* of a CPU that looks may take */

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- what is new --- */

/* "0.20 0.18 0.12 1/80 11206": the last field. 0: it cannot be read. */
static pid_t last_number(void)
{
    char text[128];
    read_start("/proc/loadavg", text, sizeof(text));
    const char *at = strrchr(text, ' ');
    return at ? (pid_t)strtol(at + 1, NULL, 10) : 0;
}

static int ascending(const void *a, const void *b)
{
    pid_t one = *(const pid_t *)a, other = *(const pid_t *)b;
    return (one > other) - (one < other);
}

static int list_processes(pid_t **ret_pids, size_t *ret_count)
{
    size_t room = 0;
    int error = 0;
    DIR *proc = opendir("/proc");
    *ret_pids = NULL;
    *ret_count = 0;
    for (const struct dirent *entry; error == 0 && proc && (entry = readdir(proc));) {
        pid_t pid = parse_pid(entry->d_name);
        pid_t *pids = pid ? grow(*ret_pids, &room, *ret_count, sizeof(*pids)) : *ret_pids;
        error = pid && !pids ? -ENOMEM : 0;
        if (pid && pids) {
            *ret_pids = pids;
            pids[(*ret_count)++] = pid;
        }
    }
    if (proc)
        closedir(proc);
    if (*ret_count)
        qsort(*ret_pids, *ret_count, sizeof(**ret_pids), ascending);
    return error;
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[STAT_LINE_SIZE];
    struct stat_line line;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    read_start(path, text, sizeof(text));
    return stat_line_parse(&line, text) == 0 ? line.parent : 0;
}

/* Those of pids that were not known. */
static int read_new(const struct child_search *children, const pid_t *pids, size_t count, struct child **ret_new,
                    size_t *ret_count)
{
    *ret_count = 0;
    *ret_new = malloc((count + 1) * sizeof(**ret_new));
    if (!*ret_new)
        return -ENOMEM;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        while (known < children->count && children->known[known] < pids[i])
            known++;
        if (known == children->count || children->known[known] != pids[i])
            (*ret_new)[(*ret_count)++] = (struct child){pids[i], parent_of(pids[i])};
    }
    return 0;
}

int children_look(struct child_search *children, struct child **ret_new, size_t *ret_count)
{
    pid_t last = last_number(), *pids;
    size_t count;
    *ret_new = NULL;
    *ret_count = 0;
    if ((last && last == children->last) || seconds_of(CLOCK_MONOTONIC) < children->due_at)
        return 0;
    double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    int error = list_processes(&pids, &count);
    if (error == 0)
        error = read_new(children, pids, count, ret_new, ret_count);
    if (error < 0) {
        free(pids);
        return error;
    }
    free(children->known);
    double cost = children->known ? seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before : 0; /* the first reads all of them */
    children->known = pids;
    children->count = count;
    children->last = last;
    children->due_at = seconds_of(CLOCK_MONOTONIC) + cost / SHARE;
    return 0;
}

void children_free(struct child_search *children)
{
    free(children->known);
    *children = (struct child_search){.known = NULL};
}

/* --- whose it is --- */

bool children_have_library(const struct target *child)
{
    struct reached reached;
    if (process_maps(child->pid, "/libnodewise") > 0)
        return true;
    char *preload = process_variable(child->pid, "LD_PRELOAD");
    bool is_named = preload && strstr(preload, "libnodewise");
    free(preload);
    return is_named && program_reach(&reached, child->exe) == 0 && reached.reach == REACHED;
}

int children_inherit(struct target *child, const struct target *parent)
{
    struct cpuset now = CPUSET_EMPTY;
    int error = cpuset_copy(&child->base, &parent->base);
    child->has_base = error == 0 && parent->has_base;
    child->facts.index = parent->facts.index;
    if (error == 0)
        error = affinity_get(child->pid, &now);
    for (size_t i = 0; i < parent->count && error == 0; i++) {
        const struct target_thread *thread = &parent->threads[i];
        if (!thread->chose && cpuset_equal(&thread->got, &now) && cpuset_is_empty(&child->inherited))
            error = cpuset_copy(&child->inherited, &now);
    }
    cpuset_free(&now);
    return error == -ENOMEM ? error : 0;
}
