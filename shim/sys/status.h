/*
 * status: what /proc/PID/status says of seccomp and of the process's own number. The file is the one source that can be
 * asked with the calls that are certain (allowed.h): prctl(2) and getpid(2) are among those that a filter may kill for.
 *
 * Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_SYS_STATUS_H
#define NODEWISE_SHIM_SYS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define STATUS_UNKNOWN (-1L)

struct status {
    long number;  /* the pid or tid as the process itself sees it (NSpid, Linux 4.1) */
    long seccomp; /* SECCOMP_MODE_… */
    long filters; /* how many filters there are; they are inherited and never taken away (Linux 5.9) */
};

/* Each member is STATUS_UNKNOWN where the file does not say it. false: the file cannot be read. */
bool status_read(const char *path, struct status *ret_status);

/* The soft limit on the size of files, in bytes, from /proc/self/limits. 0: it cannot be read. */
uint64_t status_file_limit(void);

#endif
