/*
 * stat_line: the line of /proc/PID/stat or /proc/PID/task/TID/stat (proc(5)): what a process or thread is called, whether
 * it is still the one that it was, and what the kernel says of it. Pure.
 */
#ifndef NODEWISE_TOOLS_COMMON_STAT_LINE_H
#define NODEWISE_TOOLS_COMMON_STAT_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STAT_LINE_SIZE 1024u /* bytes that hold all fields that are read here, whatever the name */
#define STAT_NAME_SIZE 65u   /* bytes of a name: the kernel's own threads have up to 64 */

struct stat_line {
    char name[STAT_NAME_SIZE];
    char state; /* 'R', 'S', …; 'Z' and 'X': it has ended */
    pid_t parent;
    unsigned long flags;  /* PF_…, see below */
    unsigned threads;     /* of the process */
    int cpu;              /* on which it ran last; -1: not known */
    uint64_t start_ticks; /* clock ticks after boot; with the number it names one thread for good */
};

/* 0, or -EINVAL: it is no such line. */
int stat_line_parse(struct stat_line *ret_line, const char *text);

/* A thread of the kernel's own. */
bool stat_line_is_kernels(const struct stat_line *line);
/* The kernel places it itself: io_uring's workers, and others that are bound for good. */
bool stat_line_is_fixed(const struct stat_line *line);
/* Of a first thread: the process was made by fork and has not become another program since. */
bool stat_line_is_forked(const struct stat_line *line);
/* Of a first thread: nothing of the process runs any more. */
bool stat_line_has_ended(const struct stat_line *line);

#endif
