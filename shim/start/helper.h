/*
 * helper: runs the nodewise command in a child that the application cannot observe: it causes no SIGCHLD, wait() does
 * not find it, it runs no fork handlers, and it leaves no descriptor open. Only the constructor and the destructor may
 * call it.
 */
#ifndef NODEWISE_SHIM_START_HELPER_H
#define NODEWISE_SHIM_START_HELPER_H

#include <stdbool.h>
#include <stddef.h>

/* The path of the command that belongs to this library, found from the library's own path. false: there is none. */
bool helper_path(char *ret_path, size_t size);

/*
 * Runs path with arguments (NULL-terminated, [0] included). output: receives the command's stdout, NUL-terminated and
 * cut to size; its stderr goes to /dev/null, because it would be the program's. output NULL: the command gets the
 * stdout and stderr of the process. Returns the exit status, or -1.
 */
int helper_run(const char *path, const char *const *arguments, char *output, size_t output_size);
/* The same without output; the command's stdin is `size` bytes of input, of which it reads what it likes. */
int helper_feed(const char *path, const char *const *arguments, const void *input, size_t size);

#endif
