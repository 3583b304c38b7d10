/*
 * outside_record: what `nodewise apply` leaves of a process that it governs from outside, for the views: PID.outside in a
 * runtime folder of the user who ran it. The file ends with a segment of the same layout as the library's, which the command
 * wrote in the process's place, with tables for rules and threads alone; before it stand the CPUs that each thread
 * was asked to have, which the library's segment has no room for. What threads have now is no part of it: views ask the
 * kernel.
 *
 * A file is never changed: a new one takes its name. A command that watches the process holds a lock on it (fcntl(2)),
 * which the kernel takes away when the command ends and of which it tells the holder.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_OUTSIDE_RECORD_H
#define NODEWISE_TOOLS_SEGMENT_OUTSIDE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/cpuset.h"
#include "tools/common/read_file.h"

#define OUTSIDE_SUFFIX  ".outside"
#define OUTSIDE_MAGIC   UINT64_C(0x3154554f5057444e) /* "NDWPOUT1" */
#define OUTSIDE_VERSION 1u
#define OUTSIDE_NOTHING UINT32_MAX /* no CPUs were asked for */

struct outside_head {
    uint64_t magic;
    uint32_t version, head_size;
    uint64_t total_size;   /* of the file */
    uint64_t start_ticks;  /* of the process: /proc/PID/stat field 22 */
    uint32_t pid;          /* of the process, in the namespace of the command */
    uint32_t is_bare;      /* 1: CPUs alone were asked for, no policy */
    uint32_t thread_count; /* of struct outside_thread, behind the head */
    uint32_t mask_count;   /* then these, of so many words each; the segment follows */
    uint32_t mask_words;
    uint32_t watcher; /* process id of the command while it watches; it holds the lock then, and else not */
    char policy[256]; /* as the command calls it */
};

struct outside_thread {
    uint32_t tid;
    uint32_t mask; /* its number, or OUTSIDE_NOTHING */
};

/* A record without its segment, checked. */
struct outside_record {
    struct outside_head head;
    struct outside_thread *threads; /* ascending */
    uint64_t *masks;
};

/*
 * The name of a process's record without its suffix: "PID", or "PID-INODE" in a pid namespace that is not the first, which may
 * share the folder with others.
 */
void outside_stem(pid_t pid, char *ret_stem, size_t size);

/* Where the segment begins: behind what the head counts. */
size_t outside_segment_offset(const struct outside_head *head);
/* Of the file's first bytes. 0; -EPROTONOSUPPORT: of another version; -EINVAL: it is none, or does not fit the size. */
int outside_check_head(const struct outside_head *head, size_t size);
/* The whole file; nothing of `file` is kept. As above, or -ENOMEM. Free it with outside_record_free(). */
int outside_record_parse(struct outside_record *ret_record, const struct file_bytes *file);
void outside_record_free(struct outside_record *record);

/* The CPUs that the thread was asked to have, as a view into the record. false: none were. */
bool outside_record_asked(const struct outside_record *record, uint32_t tid, struct cpuset *ret_view);

#endif
