/*
 * memory: segments, and answers to commands, that are in no file (shim/telemetry/store.h), found among the mappings of a process and read through
 * /proc/PID/mem. The kernel lets root, and mostly the process's user (Yama may not).
 */
#ifndef NODEWISE_TOOLS_SEGMENT_MEMORY_H
#define NODEWISE_TOOLS_SEGMENT_MEMORY_H

#include "tools/segment/segment_file.h"

#define MEMORY_MOST ((size_t)4 << 20) /* bytes of /proc/PID/maps that are looked through */

/*
 * The segment that the process has in its memory: no folder belongs to it, and ret_file->missing says why it is in none.
 * 0, also where it is there and cannot be read: ret_file->fd is then a negative errno. -ESRCH: it has none, or its
 * mappings cannot be looked at. *bytes is lowered by what of /proc/PID/maps was read, and at most that is. Close with
 * segment_close().
 */
int memory_open(struct segment_file *ret_file, pid_t pid, size_t *bytes);

/*
 * The survey that a process with such a segment answered with (shim/telemetry/survey_layout.h): a descriptor, and where it
 * begins behind it and how long it may be. -ENOENT: there is none; or another negative errno. Close it.
 */
int memory_open_survey(pid_t pid, off_t *ret_begin, size_t *ret_size);
/* Overwrites it, so that it is not taken for the next answer. */
void memory_forget_survey(pid_t pid);

#endif
