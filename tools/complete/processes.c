#include "tools/complete/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/segment/segments.h"

static void add_governed(void *context, const struct segment_file *file)
{
    char word[16], path[64], comm[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)file->pid);
    snprintf(word, sizeof(word), "%d", (int)file->pid);
    if (read_line(path, comm, sizeof(comm)))
        answer_add(context, word, comm);
}

static int is_number(const struct dirent *entry)
{
    return isdigit((unsigned char)entry->d_name[0]) != 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static bool is_own(const char *name)
{
    return atoi(name) == getpid();
}

/* The kernel's own threads have no command line; processes of other users cannot be placed, but by root. */
static bool is_program(const char *name)
{
    char path[PATH_MAX], line[2];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%s", name);
    if (stat(path, &status) != 0 || (geteuid() != 0 && status.st_uid != geteuid()))
        return false;
    snprintf(path, sizeof(path), "/proc/%s/cmdline", name);
    return read_start(path, line, sizeof(line)) > 0;
}

/* A word and the name of what /proc has under it, for each number of that folder that is wanted. */
static void add_numbers(struct answer *answer, const char *folder, const char *before, bool programs)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_number, by_number);
    for (int i = 0; i < count; i++) {
        char word[2 * NAME_MAX], path[PATH_MAX], comm[64];
        snprintf(word, sizeof(word), "%s%s", before, entries[i]->d_name);
        snprintf(path, sizeof(path), "%s/%s/comm", folder, entries[i]->d_name);
        bool wanted = !programs || (is_program(entries[i]->d_name) && !is_own(entries[i]->d_name));
        if (wanted && read_line(path, comm, sizeof(comm)))
            answer_add(answer, word, comm);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void processes_add(struct answer *answer, bool any)
{
    if (any)
        add_numbers(answer, "/proc", "", true);
    else
        segment_each(add_governed, answer);
}

void processes_add_threads(struct answer *answer, const char *typed)
{
    char folder[64], before[32];
    int pid = atoi(typed);
    if (pid <= 0)
        return;
    snprintf(folder, sizeof(folder), "/proc/%d/task", pid);
    snprintf(before, sizeof(before), "%d/", pid);
    add_numbers(answer, folder, before, false);
}
