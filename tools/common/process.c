#include "tools/common/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "tools/common/read_file.h"
#include "tools/common/stat_line.h"

#define ENVIRONMENT_MOST ((size_t)2 << 20) /* bytes of an environment: the most that execve(2) takes by default */
#define MAPS_MOST        ((size_t)4 << 20) /* bytes of /proc/PID/maps that are looked through */

pid_t parse_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    return *text && *end == '\0' && pid > 0 && pid <= 1 << 22 ? (pid_t)pid : 0;
}

uint64_t page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

bool process_exists(pid_t pid)
{
    return kill(pid, 0) == 0 || errno == EPERM;
}

/* "\nTgid:" of /proc/PID/status: the name, on the first line, has its newlines escaped. 0: it is not there. */
static pid_t status_number(pid_t pid, const char *key)
{
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    read_start(path, text, sizeof(text));
    const char *line = strstr(text, key);
    return line ? (pid_t)strtol(line + strlen(key), NULL, 10) : 0;
}

pid_t process_of_thread(pid_t tid)
{
    return status_number(tid, "\nTgid:");
}

pid_t process_parent(pid_t pid)
{
    return status_number(pid, "\nPPid:");
}

uint64_t process_start_ticks(pid_t pid)
{
    char path[64], text[STAT_LINE_SIZE];
    struct stat_line line;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    read_start(path, text, sizeof(text));
    return stat_line_parse(&line, text) == 0 ? line.start_ticks : 0;
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

/* "7f00-7f40 rw-s 00000000 00:1c 4711   /dev/shm/…" */
static bool is_of_file(const char *line, const struct stat *file)
{
    char permissions[5] = "";
    unsigned major, minor;
    uint64_t inode;
    return sscanf(line, "%*s %4s %*s %x:%x %" SCNu64, permissions, &major, &minor, &inode) == 4 &&
           permissions[1] == 'w' && permissions[3] == 's' && inode == file->st_ino &&
           makedev(major, minor) == file->st_dev;
}

int process_maps_file(pid_t pid, const struct stat *file)
{
    char path[64], *line = NULL;
    size_t size = 0, seen = 0;
    ssize_t length;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return errno == ENOENT ? -ESRCH : -errno;
    while (!found && seen < MAPS_MOST && (length = getline(&line, &size, maps)) > 0) {
        found = is_of_file(line, file);
        seen += (size_t)length;
    }
    free(line);
    fclose(maps);
    return found ? 1 : seen < MAPS_MOST ? 0 : -EFBIG;
}

bool process_has_other_mounts(pid_t pid)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
    return stat(path, &theirs) == 0 && stat("/proc/self/ns/mnt", &ours) == 0 && theirs.st_ino != ours.st_ino;
}

int process_users(pid_t pid, struct process_users *ret_users)
{
    char path[64], text[4096];
    unsigned real, effective, saved;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    read_start(path, text, sizeof(text));
    const char *line = strstr(text, "\nUid:"); /* the name, on the first line, has its newlines escaped */
    if (!line || sscanf(line, "\nUid: %u %u %u", &real, &effective, &saved) != 3)
        return -ESRCH;
    *ret_users = (struct process_users){real, effective, saved};
    return 0;
}

char *process_variable(pid_t pid, const char *name)
{
    char path[64], *entry = NULL, *value = NULL;
    size_t size = 0, seen = 0, length = strlen(name);
    ssize_t count;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !value && seen < ENVIRONMENT_MOST && (count = getdelim(&entry, &size, '\0', file)) > 0) {
        seen += (size_t)count;
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            value = strdup(entry + length + 1);
    }
    free(entry);
    if (file)
        fclose(file);
    return value;
}

void process_title(pid_t pid, char *ret_title, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    size_t length = read_start(path, ret_title, size);
    while (length > 0 && ret_title[length - 1] == '\0')
        length--;
    for (size_t i = 0; i < length; i++)
        if (ret_title[i] == '\0')
            ret_title[i] = ' ';
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
