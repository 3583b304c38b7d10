/*
 * folders: every folder in which a segment of somebody may be (shim/base/runtime_folder.h), for the views. The names are
 * those that other users can make, so each folder is proven before it is looked at.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_FOLDERS_H
#define NODEWISE_TOOLS_SEGMENT_FOLDERS_H

#include <sys/types.h>

#include "shim/base/runtime_folder.h"

/* This process's own: the effective user, and XDG_RUNTIME_DIR. */
struct runtime_user folders_own_user(void);

/*
 * folder: opened with O_PATH, a folder of `owner` that no other user can write to; it is closed after the call. Another
 * return value than 0 ends the search.
 */
typedef int folder_visit(void *context, int folder, const char *path, uid_t owner);

/*
 * Calls visit for /run/nodewise, $XDG_RUNTIME_DIR/nodewise, /run/user/UID/nodewise and /dev/shm/nodewise.UID of every
 * user, where such a folder is and is that user's own. Returns what the last visit returned, or 0.
 */
int folders_each(folder_visit *visit, void *context);

#endif
