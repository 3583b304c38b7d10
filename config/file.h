/*
 * file: reads a policy file, or refuses it when another user could have a say in it.
 *
 * Files must be regular, owned by root or the effective user, not writable by others (a group of the owner alone may),
 * at most FILE_MAX_SIZE bytes; the same for the owner and mode of their directory, which may be writable when it is
 * sticky. A symbolic link is followed (Kubernetes mounts and configuration managers use them), but then link
 * and target both stand in checked directories and the link is owned like a file. The last component is
 * opened with O_NOFOLLOW relative to the checked directory, so nothing can be exchanged in between.
 */
#ifndef NODEWISE_CONFIG_FILE_H
#define NODEWISE_CONFIG_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "policy/diag.h"

enum { FILE_MAX_SIZE = 1 << 20 };

struct file_text {
    char *text; /* malloc'd, NUL-terminated */
    size_t size;
    char *real_path; /* malloc'd */
};

/*
 * 0, -ENOMEM, or another negative errno with an error finding at `at` (-ENOENT too: the caller looks first
 * when absence is fine). The caller frees with file_text_free().
 */
int file_read(struct file_text *ret_file, const char *path, struct span at, struct diag_list *diags);
/* All of stdin, under the name "stdin". As file_read(), but who writes there is not asked. */
int file_read_stdin(struct file_text *ret_file, struct diag_list *diags);
void file_text_free(struct file_text *file);

/* Names in a directory that end in ".toml" and do not begin with '.', in byte order. The same checks as above.
 * 0 (also when there is no such directory: count 0) or negative errno with a finding. Free each and the list. */
int directory_list(char ***ret_names, size_t *ret_count, const char *path, struct span at, struct diag_list *diags);

#endif
