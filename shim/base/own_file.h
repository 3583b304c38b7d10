/*
 * own_file: opens a file that the library or the command writes for the user at a path that the user named (a log, a
 * report). The path may lead through folders of others: none of them can choose another file, or make the writer wait.
 *
 * Any thread, signal-safe, no allocation, libc for nothing but its types. errno is not kept.
 */
#ifndef NODEWISE_SHIM_BASE_OWN_FILE_H
#define NODEWISE_SHIM_BASE_OWN_FILE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens the file for writing, and makes it with that mode where it is missing. more: further flags, O_APPEND or none;
 * what is in the file stays. uid: the effective user. Returns a descriptor, which the caller closes, or a negative
 * errno, and has changed nothing then: -EPERM: a link on the way, or the file, is in other hands than the user's (root's
 * too for links), or the file has another name (link(2)); -ELOOP: it is a link; -EINVAL: it is no regular file, or the
 * name is too long; others as open(2).
 */
int own_file_open(const char *path, int more, mode_t mode, uint32_t uid);

#endif
