/*
 * process: what /proc says about a process and its threads. Everything is a snapshot that may be out of date
 * when the caller looks at it; a thread that is gone is simply not there.
 */
#ifndef NODEWISE_TOOLS_COMMON_PROCESS_H
#define NODEWISE_TOOLS_COMMON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "policy/cpuset.h"

/* A process id as the user wrote it; 0: it is none. */
pid_t parse_pid(const char *text);

/* The size of the kernel's pages, which all of this machine's processes have. */
uint64_t page_bytes(void);

bool process_exists(pid_t pid);
/* The process that has this thread, which for its main thread is the same number. 0: there is no such thread. */
pid_t process_of_thread(pid_t tid);
/* Its parent; 0: none, or there is no such process. */
pid_t process_parent(pid_t pid);
/* Field 22 of /proc/PID/stat: clock ticks after boot; tells a reused pid. 0 when unknown. */
uint64_t process_start_ticks(pid_t pid);
/* Is a file whose path holds `text` mapped: 1 yes, 0 no, negative errno when /proc/PID/maps cannot be read. */
int process_maps(pid_t pid, const char *text);
/*
 * Is that file mapped shared and for writing, by the numbers of its device and inode: 1 yes, 0 no, negative errno when
 * /proc/PID/maps cannot be read, -EFBIG when it is longer than anybody waits for.
 */
int process_maps_file(pid_t pid, const struct stat *file);

/* Has the process other mounts than this one, as in a container? Not where that cannot be seen. */
bool process_has_other_mounts(pid_t pid);

/* Whom the process runs as (credentials(7)). */
struct process_users {
    uid_t real, effective, saved;
};
/* 0, or -ESRCH: there is no such process, or it is hidden. */
int process_users(pid_t pid, struct process_users *ret_users);
/* A variable of the environment that the process was started with, malloc'd. NULL: it has none, or it cannot be seen. */
char *process_variable(pid_t pid, const char *name);
/* The command line as it is now, blanks between its words: what the process calls itself. "" where it has none. */
void process_title(pid_t pid, char *ret_title, size_t size);
#define TITLE_MOST 4096u /* bytes of it that are looked at */
/* Cpus_allowed_list of a thread as it is now. 0, -ESRCH (it has ended), or another negative errno. */
int thread_cpus_now(pid_t pid, pid_t tid, struct cpuset *ret_cpus);

#endif
