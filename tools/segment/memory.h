/*
 * memory: segments that are in no file (shim/telemetry/store.h), found among the mappings of a process and read through
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

#endif
