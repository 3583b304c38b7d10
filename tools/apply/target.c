#include "tools/apply/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "policy/grow.h"
#include "tools/common/process.h"

#define YOUNG 3 /* seconds after its birth in which a thread gets its name */

/* --- files of the process --- */

/* The beginning of a file below an open folder, as a string. The length, or negative errno. */
static ssize_t read_below(int folder, const char *name, char *ret_text, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    ssize_t length = read(fd, ret_text, size - 1);
    int error = length < 0 ? -errno : 0;
    close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
    return error < 0 ? error : length;
}

static int read_stat(int folder, const char *name, struct stat_line *ret_line)
{
    char text[STAT_LINE_SIZE];
    ssize_t length = read_below(folder, name, text, sizeof(text));
    return length < 0 ? (int)length : stat_line_parse(ret_line, text);
}

static int read_thread(const struct target *target, pid_t tid, struct stat_line *ret_line)
{
    char name[32];
    snprintf(name, sizeof(name), "%d/stat", (int)tid);
    return read_stat(dirfd(target->tasks), name, ret_line);
}

/* /proc shows a thread's number as a folder, too, though it does not list it. */
static bool is_thread_of_another(int folder, pid_t pid)
{
    char text[4096];
    int group = 0;
    if (read_below(folder, "status", text, sizeof(text)) < 0)
        return false;
    const char *line = strstr(text, "\nTgid:"); /* the name, on the first line, has its newlines escaped */
    return line && sscanf(line, "\nTgid: %d", &group) == 1 && group != (int)pid;
}

/* --- facts --- */

static void read_exe(struct target *target)
{
    static const char gone[] = " (deleted)"; /* another version of the program was installed since */
    ssize_t length = readlinkat(target->folder, "exe", target->exe, sizeof(target->exe) - 1);
    target->exe[length > 0 ? length : 0] = '\0';
    size_t tail = sizeof(gone) - 1;
    if (length > (ssize_t)tail && strcmp(target->exe + length - tail, gone) == 0)
        target->exe[(size_t)length - tail] = '\0';
}

/* Arguments with blanks between them, or the title that the process gave itself. */
static void read_argv(struct target *target)
{
    ssize_t length = read_below(target->folder, "cmdline", target->argv, sizeof(target->argv));
    while (length > 0 && (!target->argv[length - 1] || target->argv[length - 1] == ' '))
        target->argv[--length] = '\0'; /* a title leaves the rest of its room empty */
    for (ssize_t i = 0; i < length; i++)
        if (!target->argv[i])
            target->argv[i] = ' ';
}

static void read_parent(struct target *target, pid_t parent)
{
    char path[64];
    struct stat_line line;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)parent);
    target->parent[0] = '\0';
    if (parent > 0 && read_stat(AT_FDCWD, path, &line) == 0)
        snprintf(target->parent, sizeof(target->parent), "%s", line.name);
}

static void read_facts(struct target *target, const struct stat_line *line)
{
    struct process_users users;
    snprintf(target->comm, sizeof(target->comm), "%s", line->name);
    read_exe(target);
    read_argv(target);
    read_parent(target, line->parent);
    target->facts.exe = target->exe;
    target->facts.comm = target->comm;
    target->facts.argv = target->argv;
    target->facts.parent_comm = *target->parent ? target->parent : NULL;
    target->facts.forked = stat_line_is_forked(line);
    if (process_users(target->pid, &users) == 0)
        target->facts.uid = users.effective;
}

/* --- the process --- */

static int open_folders(struct target *target)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d", (int)target->pid);
    target->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target->folder < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    int tasks = openat(target->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tasks < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    target->tasks = fdopendir(tasks);
    if (target->tasks)
        return 0;
    int error = -errno;
    close(tasks);
    return error;
}

/* What the folder belonged to when it was opened is what the descriptor of its end belongs to: it is there afterwards. */
static int know(struct target *target)
{
    struct stat_line line, again;
    int error = read_stat(target->folder, "stat", &line);
    if (error < 0)
        return error;
    if (is_thread_of_another(target->folder, target->pid))
        return -ECHILD;
    if (stat_line_is_kernels(&line))
        return -ENOTSUP;
    target->end = (int)syscall(SYS_pidfd_open, target->pid, 0); /* Linux 5.3 */
    error = read_stat(target->folder, "stat", &again);
    if (error < 0)
        return error;
    if (stat_line_has_ended(&again))
        return -ESRCH;
    target->start_ticks = line.start_ticks;
    read_facts(target, &again);
    return 0;
}

int target_open(struct target *ret_target, pid_t pid, uint32_t number)
{
    *ret_target = (struct target){.pid = pid, .folder = -1, .end = -1, .facts = {.index = number}, .next_index = 1};
    int error = open_folders(ret_target);
    if (error == 0)
        error = know(ret_target);
    if (error < 0)
        target_close(ret_target);
    return error;
}

static void free_thread(struct target_thread *thread)
{
    cpuset_free(&thread->before);
    cpuset_free(&thread->now);
    cpuset_free(&thread->asked);
    cpuset_free(&thread->got);
}

void target_close(struct target *target)
{
    for (size_t i = 0; i < target->count; i++)
        free_thread(&target->threads[i]);
    free(target->threads);
    cpuset_free(&target->base);
    cpuset_free(&target->inherited);
    if (target->tasks)
        closedir(target->tasks);
    if (target->folder >= 0)
        close(target->folder);
    if (target->end >= 0)
        close(target->end);
    *target = (struct target){.folder = -1, .end = -1};
}

static bool has_ended(const struct target *target)
{
    struct stat_line line;
    struct pollfd end = {.fd = target->end, .events = POLLIN};
    if (target->end >= 0)
        return poll(&end, 1, 0) == 1;
    return read_stat(target->folder, "stat", &line) < 0 || stat_line_has_ended(&line);
}

static unsigned long count_links(const struct target *target)
{
    struct stat status;
    return fstat(dirfd(target->tasks), &status) == 0 ? (unsigned long)status.st_nlink : 0;
}

bool target_has_changed(struct target *target)
{
    target->ended = target->ended || has_ended(target);
    return target->ended || count_links(target) != target->links;
}

/* --- threads --- */

static int by_tid(const void *a, const void *b)
{
    const struct target_thread *one = a, *other = b;
    return (one->tid > other->tid) - (one->tid < other->tid);
}

static struct target_thread *find_thread(const struct target *target, pid_t tid)
{
    const struct target_thread key = {.tid = tid};
    return target->sorted ? bsearch(&key, target->threads, target->sorted, sizeof(*target->threads), by_tid) : NULL;
}

static int add_thread(struct target *target, pid_t tid, const struct stat_line *line)
{
    struct target_thread *threads = grow(target->threads, &target->room, target->count, sizeof(*threads));
    if (!threads)
        return -ENOMEM;
    target->threads = threads;
    struct target_thread *thread = &threads[target->count++];
    *thread = (struct target_thread){.tid = tid, .start_ticks = line->start_ticks, .main = tid == target->pid};
    thread->fixed = stat_line_is_fixed(line);
    thread->cpu = line->cpu;
    thread->index = thread->main ? 0 : target->next_index++;
    thread->young = line->start_ticks >= target->recent;
    thread->rule = PLAN_NONE;
    snprintf(thread->name, sizeof(thread->name), "%s", line->name);
    return 0;
}

/* A thread whose number is known: it is that one, by another name perhaps, or one that came after it. */
static int look_again(struct target *target, size_t place, bool closely)
{
    struct target_thread *thread = &target->threads[place];
    struct stat_line line;
    thread->ended = false;
    if (!closely && !thread->young)
        return 0;
    if (read_thread(target, thread->tid, &line) < 0) {
        thread->ended = true;
        return 0;
    }
    thread->young = line.start_ticks >= target->recent;
    if (line.start_ticks != thread->start_ticks) {
        thread->ended = true;
        return add_thread(target, thread->tid, &line);
    }
    if (strcmp(line.name, thread->name) != 0) {
        snprintf(thread->name, sizeof(thread->name), "%s", line.name);
        thread->decided = false;
    }
    return 0;
}

static int look_at(struct target *target, pid_t tid, bool closely)
{
    struct stat_line line;
    const struct target_thread *known = find_thread(target, tid);
    if (known)
        return look_again(target, (size_t)(known - target->threads), closely);
    return read_thread(target, tid, &line) < 0 ? 0 : add_thread(target, tid, &line);
}

/* What rules say of the process may have changed: a title, another program. */
void target_look_at_facts(struct target *target)
{
    struct stat_line line;
    char exe[sizeof(target->exe)], argv[sizeof(target->argv)], comm[sizeof(target->comm)];
    bool forked = target->facts.forked;
    memcpy(exe, target->exe, sizeof(exe));
    memcpy(argv, target->argv, sizeof(argv));
    memcpy(comm, target->comm, sizeof(comm));
    if (read_stat(target->folder, "stat", &line) < 0)
        return;
    read_facts(target, &line);
    if (strcmp(exe, target->exe) == 0 && strcmp(argv, target->argv) == 0 && strcmp(comm, target->comm) == 0 &&
        forked == target->facts.forked)
        return;
    target->has_other_facts = true;
    for (size_t i = 0; i < target->count; i++)
        target->threads[i].decided = false;
}

pid_t target_parent(const struct target *target)
{
    struct stat_line line;
    return read_stat(target->folder, "stat", &line) == 0 ? line.parent : 0;
}

bool target_has_thread(const struct target *target, const struct target_thread *thread)
{
    struct stat_line line;
    return read_thread(target, thread->tid, &line) == 0 && line.start_ticks == thread->start_ticks;
}

/* The kernel may leave out threads in a listing during which others end. */
static void ask_for_missing(struct target *target)
{
    for (size_t i = 0; i < target->sorted; i++)
        if (target->threads[i].ended)
            target->threads[i].ended = !target_has_thread(target, &target->threads[i]);
}

static uint64_t ticks_before(long seconds)
{
    struct timespec now = {0};
    long ticks = sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec > seconds ? (uint64_t)((now.tv_sec - seconds) * ticks) : 0;
}

bool target_is_young(const struct target *target)
{
    return target->start_ticks >= ticks_before(YOUNG);
}

int target_look(struct target *target, bool closely)
{
    int error = 0;
    target->recent = ticks_before(YOUNG);
    target->ended = target->ended || has_ended(target);
    target->links = count_links(target);
    for (size_t i = 0; i < target->count; i++)
        target->threads[i].ended = true;
    if (target->ended)
        return 0;
    if (closely || target->start_ticks >= target->recent)
        target_look_at_facts(target);
    rewinddir(target->tasks);
    for (struct dirent *entry; error == 0 && (entry = readdir(target->tasks)) != NULL;) {
        pid_t tid = parse_pid(entry->d_name);
        if (tid)
            error = look_at(target, tid, closely);
    }
    ask_for_missing(target);
    return error;
}

void target_settle(struct target *target)
{
    size_t kept = 0;
    for (size_t i = 0; i < target->count; i++) {
        if (target->threads[i].ended)
            free_thread(&target->threads[i]);
        else
            target->threads[kept++] = target->threads[i];
    }
    target->count = target->sorted = kept;
    target->young = 0;
    for (size_t i = 0; i < kept; i++)
        target->young += target->threads[i].young;
    if (kept)
        qsort(target->threads, kept, sizeof(*target->threads), by_tid);
}
