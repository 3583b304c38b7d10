/*
 * segment_file: a process's segment that is open and proven, with the folder that it lies in. A user can put anything
 * where segments lie, under any name. What is handed out here is a regular file with one name, of the folder's user,
 * that no other can write to; and the process that it is named for either runs as that user, or has this very file
 * mapped for writing (it was root's when it began). All else is as if it were not there. Or it is no file at all (memory.h).
 *
 * A record of `nodewise apply` (outside_record.h) is held by no process: it speaks for the process of its number and time of
 * start where it is root's, or of the user whom the process runs as, and no one else.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_SEGMENT_FILE_H
#define NODEWISE_TOOLS_SEGMENT_SEGMENT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tools/common/read_file.h"
#include "tools/segment/folders.h"

#define SEGMENT_MOST ((size_t)8 << 20) /* bytes of one; the longest plan has one of 5 MiB */

#define SEGMENT_STEM 40u /* of "PID" or "PID-INODE" */

struct segment_file {
    char stem[SEGMENT_STEM]; /* what its name and those of the files beside it begin with */
    pid_t pid;               /* for which it is named */
    uid_t owner;             /* of the file and of its folder */
    uid_t user;              /* whom the process runs as, as the kernel says; the owner where it is gone */
    bool is_held;            /* the process runs and is the one that writes it */
    bool is_mapped;          /* its mappings were seen to have it; false: only the users agree */
    bool in_memory;          /* of the process: there is no file (memory.h) */
    bool from_outside;       /* a record of `nodewise apply`, which the process knows nothing of */
    pid_t watcher;           /* of such a one: the command that watches the process, or 0 */
    int missing;             /* the errno for which there is none; 0: unknown */
    int fd;                  /* read-only; a negative errno where what is in memory cannot be read */
    off_t begin;             /* of the segment behind the descriptor */
    struct stat status;
    struct segment_folder folder;
};

/* Is it the name of a record of `nodewise apply`? */
bool segment_name_is_outside(const char *name);
/* The process that a file of that name is for; 0: it is neither a segment's name nor that of such a record. */
pid_t segment_pid_of(const char *name);
/*
 * The segment of that name in a folder, which is the file's on success. A file whose process runs as another user costs
 * a look at all mappings of the process: at most *strangers_left of these are tried. 0; -ENOENT; -EPERM or -EINVAL: it
 * is not what it should be; -ESRCH: it is not that process's; -EACCES; or another negative errno.
 */
int segment_open_in(struct segment_file *ret_file, const struct segment_folder *folder, const char *name,
                    unsigned *strangers_left);
/* That very file, for the process that wrote it; in whatever folder. */
int segment_open_path(struct segment_file *ret_file, const char *path);
void segment_close(struct segment_file *file);

/* Why a segment that is in memory has no file: "no space". */
const char *segment_missing(const struct segment_file *file);

/* The whole segment; free(3) the data. 0, -ENODATA: it is shorter by now; or another negative errno. */
int segment_read(const struct segment_file *file, struct file_bytes *ret_bytes);
/* `size` bytes of it. 0 or negative errno. */
int segment_read_at(const struct segment_file *file, void *ret_data, size_t size, off_t offset);

/* A file beside it, in the folder that was proven; `suffix` as in "PID.reload". A descriptor, or negative errno;
 * -ENOENT where it is in memory. */
int segment_open_beside(const struct segment_file *file, const char *suffix, struct stat *ret_status);
int segment_make_beside(const struct segment_file *file, const char *suffix);
void segment_remove_beside(const struct segment_file *file, const char *suffix);
/* The segment once more, for writing behind file->begin. The descriptor, or negative errno; -ESTALE: it is another file by
 * now. */
int segment_reopen(const struct segment_file *file);

#endif
