/*
 * segments: finding the segments of processes, one or all, of any user. What other users have put where
 * segments lie costs little and hides nothing.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_SEGMENTS_H
#define NODEWISE_TOOLS_SEGMENT_SEGMENTS_H

#include "tools/segment/segment_file.h"

/*
 * The segment of a process: the one that it holds, else the record of it that `nodewise apply` left, else a segment that an
 * earlier process of this number has left. 0; -ESRCH: there is none; -EACCES: it is another user's; or another negative errno.
 */
int segment_find(struct segment_file *ret_file, pid_t pid);

/* Calls `visit` for every segment that this user may read and whose process holds it, by ascending pid. 0, -ENOMEM. */
int segment_each(void (*visit)(void *context, const struct segment_file *file), void *context);
/* Removes the caller's own records of `nodewise apply` whose process is gone. */
void segment_remove_outside(void);
/* As segment_each(), for the caller's own segments whose process is gone: what was killed leaves its segment. */
int segment_each_dead(void (*visit)(void *context, const struct segment_file *file), void *context);

#endif
