#include "tools/common/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pid_t parse_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    return *text && *end == '\0' && pid > 0 && pid <= 1 << 22 ? (pid_t)pid : 0;
}

bool process_exists(pid_t pid)
{
    return kill(pid, 0) == 0 || errno == EPERM;
}

uint64_t process_start_ticks(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long ticks = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    /* The name may hold blanks and parentheses: count fields from the last ')', which ends field 2. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at)
        ticks = strtoull(at + 1, NULL, 10);
    return ticks;
}

int process_maps(pid_t pid, const char *text)
{
    char path[64], *line = NULL;
    size_t size = 0;
    int found = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? -ESRCH : -errno;
    while (!found && getline(&line, &size, file) > 0)
        found = strstr(line, text) != NULL;
    free(line);
    fclose(file);
    return found;
}

int thread_cpus_now(pid_t pid, pid_t tid, struct cpuset *ret_cpus)
{
    static const char key[] = "Cpus_allowed_list:";
    char path[80], *line = NULL;
    size_t size = 0;
    int error = -ESRCH;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? -ESRCH : -errno;
    while (getline(&line, &size, file) > 0) {
        if (strncmp(line, key, sizeof(key) - 1) != 0)
            continue;
        char *list = line + sizeof(key) - 1 + strspn(line + sizeof(key) - 1, " \t");
        list[strcspn(list, "\n")] = '\0';
        error = cpuset_parse_list(ret_cpus, list, NULL);
        break;
    }
    free(line);
    fclose(file);
    return error;
}
