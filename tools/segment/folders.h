/*
 * folders: the folders that segments lie in (shim/base/runtime_folder.h), of all users. Every user can make files and folders beside them, so none is read before it
 * is open and proven: a folder of that user, named for that user, that no other can write to. Which there may be follows
 * from the processes that run, not from what lies in a folder that is open to all: a million names there cost nothing
 * and hide nothing.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_FOLDERS_H
#define NODEWISE_TOOLS_SEGMENT_FOLDERS_H

#include <stddef.h>
#include <sys/types.h>

#include "shim/base/runtime_folder.h"

#define FOLDER_NAMES_MOST 65536u /* names that are read of one folder; further ones of its user are not seen */

struct segment_folder {
    int fd; /* O_PATH */
    uid_t uid;
    char path[RUNTIME_PATH_SIZE]; /* for messages alone */
};

/* This process's own: the effective user, and XDG_RUNTIME_DIR. */
struct runtime_user folders_own_user(void);

/* That folder of a user. 0, or negative errno as of runtime_folder_open(). */
int folder_open(struct segment_folder *ret_folder, enum runtime_folder which, uid_t uid);
/* Any folder, of any owner. 0; -EPERM: others can write to it; or another negative errno. */
int folder_open_path(struct segment_folder *ret_folder, const char *path);
void folder_close(struct segment_folder *folder);

/* Calls `visit` for the names of at most FOLDER_NAMES_MOST files. 0 or negative errno. */
int folder_names(const struct segment_folder *folder, void (*visit)(void *context, const char *name), void *context);

/* The users of all processes, root, and the caller's own: ascending, each once; malloc'd. 0 or -ENOMEM. */
int folder_users(uid_t **ret_users, size_t *ret_count);

#endif
