#include "tools/tune/children.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/common/stat_line.h"

#define LISTENING_MOST 4096u
#define BETWEEN_NS     20000000 /* of two looks while they end */
#define NEWBORN        2.0      /* seconds */

int children_adopt(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

/* --- which --- */

struct parentage {
    pid_t pid, parent;
};

static bool read_parent(const char *name, struct parentage *ret_process)
{
    char path[300], text[STAT_LINE_SIZE];
    struct stat_line line;
    ret_process->pid = parse_pid(name);
    if (!ret_process->pid)
        return false;
    snprintf(path, sizeof(path), "/proc/%s/stat", name);
    read_start(path, text, sizeof(text));
    if (stat_line_parse(&line, text) < 0 || stat_line_has_ended(&line))
        return false;
    ret_process->parent = line.parent;
    return true;
}

/* All processes of the machine; malloc'd. */
static struct parentage *read_all(size_t *ret_count)
{
    struct parentage *all = NULL, *grown;
    size_t count = 0, room = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (count == room) {
            room = room ? 2 * room : 512;
            grown = realloc(all, room * sizeof(*all));
            if (!grown)
                break;
            all = grown;
        }
        count += read_parent(entry->d_name, &all[count]);
    }
    if (folder)
        closedir(folder);
    *ret_count = count;
    return all;
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

size_t children_list(pid_t ret_pids[CHILDREN_MOST])
{
    size_t all_count, count = 0, before;
    struct parentage *all = read_all(&all_count);
    do { /* a generation each time, or more */
        before = count;
        for (size_t i = 0; i < all_count && count < CHILDREN_MOST; i++) {
            bool ours = all[i].parent == getpid() || is_among(all[i].parent, ret_pids, count);
            if (ours && !is_among(all[i].pid, ret_pids, count))
                ret_pids[count++] = all[i].pid;
        }
    } while (count > before);
    free(all);
    return count;
}

/* --- listening --- */

struct inodes {
    unsigned long items[LISTENING_MOST];
    size_t count;
};

/*
 * Of /proc/PID/net/tcp, tcp6 and unix the lines of sockets that listen: state 0A in the fourth field, or the flag
 * __SO_ACCEPTCON in the fourth of unix; the inode is the tenth or the seventh.
 */
static void read_listening(struct inodes *inodes, pid_t pid, const char *name)
{
    char path[64], *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    bool is_unix = strcmp(name, "unix") == 0;
    while (file && getline(&line, &size, file) > 0 && inodes->count < LISTENING_MOST) {
        unsigned long inode;
        unsigned flags;
        if (is_unix && sscanf(line, "%*s %*s %*s %x %*s %*s %lu", &flags, &inode) == 2 && (flags & 0x10000))
            inodes->items[inodes->count++] = inode;
        if (!is_unix && sscanf(line, "%*s %*s %*s %x %*s %*s %*s %*s %*s %lu", &flags, &inode) == 2 && flags == 0x0a)
            inodes->items[inodes->count++] = inode;
    }
    free(line);
    if (file)
        fclose(file);
}

static bool has_one_of(pid_t pid, const struct inodes *inodes)
{
    char path[300], target[64];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        unsigned long inode;
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &inode) != 1)
            continue;
        for (size_t i = 0; i < inodes->count && !found; i++)
            found = inodes->items[i] == inode;
    }
    if (folder)
        closedir(folder);
    return found;
}

bool children_listen(void)
{
    static struct inodes inodes;
    pid_t pids[CHILDREN_MOST];
    size_t count = children_list(pids);
    for (size_t i = 0; i < count; i++) {
        inodes.count = 0;
        read_listening(&inodes, pids[i], "tcp");
        read_listening(&inodes, pids[i], "tcp6");
        read_listening(&inodes, pids[i], "unix");
        if (has_one_of(pids[i], &inodes))
            return true;
    }
    return false;
}

/* --- their end --- */

/* those that were asked to end */
struct asked {
    pid_t pids[CHILDREN_MOST];
    size_t count;
};

/* Once each: servers take a second request for impatience. */
static void ask_to_end(struct asked *asked)
{
    pid_t pids[CHILDREN_MOST];
    size_t count = children_list(pids);
    for (size_t i = 0; i < count && asked->count < CHILDREN_MOST; i++) {
        if (is_among(pids[i], asked->pids, asked->count))
            continue;
        kill(pids[i], SIGTERM);
        asked->pids[asked->count++] = pids[i];
    }
}

static void kill_all(void)
{
    pid_t pids[CHILDREN_MOST];
    size_t count = children_list(pids);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
}

/* false: there are children that have not ended. */
static bool reap(void)
{
    pid_t ended;
    do {
        ended = waitpid(-1, NULL, WNOHANG);
    } while (ended > 0);
    return ended < 0 && errno == ECHILD;
}

void children_end(double seconds)
{
    const struct timespec between = {0, BETWEEN_NS};
    struct asked asked = {0};
    double next = 0;
    for (double waited = 0; !reap(); waited += BETWEEN_NS / 1e9) {
        if (waited >= seconds)
            kill_all();
        else if (waited >= next) {
            ask_to_end(&asked);
            next = waited + NEWBORN; /* what is born while others end, as who writes a report, has time to do so */
        }
        nanosleep(&between, NULL);
    }
}
