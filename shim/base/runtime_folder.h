/*
 * runtime_folder: the folders in which segments, requests, ledgers and plans are kept, for the library and the command
 * alike. A user has up to three, and the first that can be used is:
 *
 *   /run/nodewise               root's own, made by the package (tmpfiles.d), never by the library or the command
 *   $XDG_RUNTIME_DIR/nodewise   of the session, where that is the user's own folder on tmpfs
 *   /dev/shm/nodewise.UID       for all others
 *
 * Only root can make a file in /run, and only the user one in XDG_RUNTIME_DIR: no other can take these names away from
 * anybody. In /dev/shm everybody can make folders: one that another user made is stepped over.
 *
 * All functions: any thread, signal-safe, no allocation, libc for nothing but its types.
 */
#ifndef NODEWISE_SHIM_BASE_RUNTIME_FOLDER_H
#define NODEWISE_SHIM_BASE_RUNTIME_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNTIME_OF_ROOT_PATH  "/run/nodewise"
#define RUNTIME_SHARED_PREFIX "/dev/shm/nodewise." /* followed by the uid */
#define RUNTIME_PATH_SIZE     192u                 /* of a folder's path with its NUL; a longer one is not used */

/* in the order of preference */
enum runtime_folder { RUNTIME_OF_ROOT, RUNTIME_OF_SESSION, RUNTIME_SHARED, RUNTIME_FOLDERS };

/* whose folders */
struct runtime_user {
    uint32_t uid;
    const char *session; /* value of XDG_RUNTIME_DIR; NULL: not set */
};

/* Writes the folder's path. false: this user has none of that kind (not root, no or no absolute XDG_RUNTIME_DIR). */
bool runtime_folder_path(char *ret_path, size_t size, enum runtime_folder which, const struct runtime_user *user);

/*
 * Opens the folder (O_PATH) and proves that it is one of that user, which no other user can write to. make: a missing
 * one is made, but for root's. Returns a descriptor, which the caller closes, or a negative errno: -ENOENT: there is
 * none; -EPERM: it is another user's, or others can write to it; -ENOTDIR, -ELOOP: the name is taken by something else;
 * -EOPNOTSUPP: it is not on tmpfs.
 */
int runtime_folder_open(enum runtime_folder which, const struct runtime_user *user, bool make);

#endif
