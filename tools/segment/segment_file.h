/*
 * segment_file: a process's segment that is open and proven, with the folder that it lies in. A user can put anything
 * where segments lie, under any name. What is handed out here is a regular file with one name, of the folder's user,
 * that no other can write to; and the process that it is named for either runs as that user, or has this very file
 * mapped for writing (it was root's when it began). All else is as if it were not there.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_SEGMENT_FILE_H
#define NODEWISE_TOOLS_SEGMENT_SEGMENT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tools/segment/folders.h"

#define SEGMENT_MOST ((size_t)8 << 20) /* bytes of one; the longest plan has one of 5 MiB */

#define SEGMENT_STEM 40u /* of "PID" or "PID-INODE" */

struct segment_file {
    char stem[SEGMENT_STEM]; /* what its name and those of the files beside it begin with */
    pid_t pid;               /* for which it is named */
    uid_t owner;             /* of the file and of its folder */
    uid_t user;              /* whom the process runs as, as the kernel says; the owner where it is gone */
    bool is_held;            /* the process runs and is the one that writes it */
    int fd;                  /* read-only */
    struct stat status;
    struct segment_folder folder;
};

/* The process that a file of that name is for; 0: it is no segment's name. */
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

/* A file beside it, in the folder that was proven; `suffix` as in "PID.reload". A descriptor, or negative errno. */
int segment_open_beside(const struct segment_file *file, const char *suffix, struct stat *ret_status);
int segment_make_beside(const struct segment_file *file, const char *suffix);
void segment_remove_beside(const struct segment_file *file, const char *suffix);
/* The segment once more, for writing. The descriptor, or negative errno; -ESTALE: it is another file by now. */
int segment_reopen(const struct segment_file *file);

#endif
