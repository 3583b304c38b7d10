/*
 * measured_file: where measured distances (policy/measured.h) are kept, over reboots: for a user in his state folder,
 * for root in /var/lib, where they serve all users; as nodewise/distances.HOST, because homes are shared by machines.
 * Only a regular file of this user or of root that no one else can write to is read.
 */
#ifndef NODEWISE_POLICY_MEASURED_FILE_H
#define NODEWISE_POLICY_MEASURED_FILE_H

/* in the order in which they are read */
enum measured_place {
    MEASURED_OF_USER, /* $XDG_STATE_HOME, or ~/.local/state; of root the variable alone */
    MEASURED_OF_ROOT, /* /var/lib */
    MEASURED_PLACES
};

/* The file's path there, malloc'd. 0; -ENOENT: this user has no such place; -ENOMEM. */
int measured_file_path(char **ret_path, unsigned place);

/*
 * The whole text, malloc'd. 0; -ENOENT: there is none; -EPERM: it is of, or can be written by, another user than this one
 * and root; -ELOOP, -EINVAL: it is no regular file, or of no size that is possible; -EPROTO: it has a NUL; or another negative errno.
 */
int measured_file_read(char **ret_text, const char *path);

/*
 * Could it be written, as far as can be told without writing? Makes the folders that are missing. 0, or what
 * measured_file_write() would give; with the path, malloc'd, or NULL where this user has no place.
 */
int measured_file_check(char **ret_path);

/*
 * Writes it for this user, where he reads it first; makes the folders that are missing. Another process reads the old
 * text or the new one. 0 with the path, malloc'd; -EPERM: another user can write to the folder; or another negative errno.
 */
int measured_file_write(char **ret_path, const char *text);

#endif
