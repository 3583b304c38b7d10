#include "tools/learn/observe.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "policy/grow.h"
#include "shim/base/segment_layout.h"
#include "tools/common/read_file.h"

/* The calls that threads wait in with a descriptor as their first argument. */
static bool waits_for_descriptor(long number)
{
    return number == SYS_read || number == SYS_readv || number == SYS_recvfrom || number == SYS_recvmsg ||
           number == SYS_accept4 || number == SYS_write || number == SYS_sendto;
}

static struct seen_thread *thread_of(struct observed *observed, pid_t tid)
{
    for (size_t i = observed->count; i-- > 0;) /* the newest are asked for most */
        if (observed->threads[i].tid == tid)
            return &observed->threads[i];
    if (observed->count == OBSERVE_THREADS)
        return NULL;
    struct seen_thread *threads = grow(observed->threads, &observed->room, observed->count, sizeof(*threads));
    if (!threads)
        return NULL;
    observed->threads = threads;
    observed->threads[observed->count] = (struct seen_thread){.tid = tid};
    return &observed->threads[observed->count++];
}

static bool is_same(const struct meeting *meeting, uint64_t key, bool is_futex)
{
    uint64_t apart = key > meeting->key ? key - meeting->key : meeting->key - key;
    return meeting->is_futex == is_futex && (is_futex ? apart < OBSERVE_OBJECT : apart == 0);
}

static void meet(struct observed *observed, uint32_t thread, uint64_t key, bool is_futex)
{
    for (size_t i = 0; i < observed->meeting_count; i++) {
        struct meeting *meeting = &observed->meetings[i];
        if (!is_same(meeting, key, is_futex))
            continue;
        meeting->looks++;
        if (meeting->first != thread)
            meeting->second = thread;
        return;
    }
    if (observed->meeting_count < OBSERVE_MEETING)
        observed->meetings[observed->meeting_count++] = (struct meeting){key, is_futex, thread, thread, 1};
}

/* /proc/PID/task/TID/syscall: "202 0x7f… 0x…", or "running" (proc(5)). */
static void look_at_wait(struct observed *observed, pid_t pid, pid_t tid, uint32_t thread)
{
    char path[96], line[256], target[128];
    long number;
    uint64_t argument;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
    if (!read_line(path, line, sizeof(line)) || sscanf(line, "%ld 0x%" SCNx64, &number, &argument) != 2)
        return;
    if (number == SYS_futex) {
        meet(observed, thread, argument, true);
        return;
    }
    if (!waits_for_descriptor(number))
        return;
    snprintf(path, sizeof(path), "/proc/%d/fd/%" PRIu64, (int)pid, argument);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    const char *inode = length > 0 ? memchr(target, '[', (size_t)length) : NULL; /* "pipe:[4711]" */
    if (inode) {
        target[length] = '\0';
        meet(observed, thread, strtoull(inode + 1, NULL, 10), false);
    }
}

/* The node of a CPU, by the folder that Linux puts into each CPU's own. */
static int node_of_cpu(long cpu)
{
    static signed char known[4096]; /* node + 1 */
    char path[96];
    if (cpu < 0 || cpu >= (long)sizeof(known))
        return -1;
    for (int node = 0; !known[cpu] && node < 64; node++) {
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/node%d", cpu, node);
        if (access(path, F_OK) == 0)
            known[cpu] = (signed char)(node + 1);
    }
    return known[cpu] - 1;
}

/* Field 39 of stat: the CPU it ran on last. */
static void look_at_cpu(struct seen_thread *thread, pid_t pid)
{
    char path[96], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)thread->tid);
    const char *at = read_line(path, line, sizeof(line)) ? strrchr(line, ')') : NULL;
    for (int field = 2; at && field < 39; field++)
        at = strchr(at + 1, ' ');
    int node = at ? node_of_cpu(strtol(at, NULL, 10)) : -1;
    if (node >= 0)
        thread->nodes |= UINT64_C(1) << node;
}

/* false: the worker, or a thread of the program with its name. */
static bool look_at_thread(struct observed *observed, pid_t pid, pid_t tid)
{
    char path[96], line[256];
    struct seen_thread *thread = thread_of(observed, tid);
    if (!thread)
        return true;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
    if (read_line(path, line, sizeof(line)))
        snprintf(thread->name, sizeof(thread->name), "%.15s", line);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
    if (read_line(path, line, sizeof(line)))
        thread->ran_ns = strtoull(line, NULL, 10);
    look_at_cpu(thread, pid);
    look_at_wait(observed, pid, tid, (uint32_t)(thread - observed->threads));
    thread->looks++;
    return strcmp(thread->name, SEGMENT_WORKER) != 0;
}

/* Looks are farther apart than asked for where the machine is busy. */
static void note_time(struct observed *observed)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    if (observed->looks == 1)
        observed->began = seconds - OBSERVE_EVERY;
    observed->seconds = seconds - observed->began;
}

void observe(struct observed *observed, pid_t pid)
{
    char path[64];
    uint32_t now = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        pid_t tid = (pid_t)atoi(entry->d_name);
        if (tid <= 0)
            continue;
        now += look_at_thread(observed, pid, tid);
    }
    if (folder)
        closedir(folder);
    observed->looks++;
    note_time(observed);
    observed->most_at_once = now > observed->most_at_once ? now : observed->most_at_once;
}

void observed_free(struct observed *observed)
{
    free(observed->threads);
    observed->threads = NULL;
    observed->count = observed->room = 0;
}
