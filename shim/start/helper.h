/*
 * helper: runs the nodewise command in a child that the application cannot observe: no SIGCHLD, not found by its
 * wait(), no fork handlers, no descriptor left. Only from the constructor and the destructor.
 */
#ifndef NODEWISE_SHIM_START_HELPER_H
#define NODEWISE_SHIM_START_HELPER_H

#include <stdbool.h>
#include <stddef.h>

/* Path of the command that belongs to this library, by where the library lies. false: none there. */
bool helper_path(char *ret_path, size_t size);

/*
 * Runs path with arguments (NULL-terminated, [0] included). output: what it prints on stdout, NUL-terminated and
 * cut, or NULL: it gets our stdout and stderr. Without output both streams of the child would be the program's,
 * so with output its stderr goes to /dev/null. Returns the exit status, or -1.
 */
int helper_run(const char *path, const char *const *arguments, char *output, size_t output_size);

#endif
