#include "tools/common/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/own_file.h"

static bool folder_of(const char *path, char ret_folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int length = snprintf(ret_folder, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return length < PATH_MAX;
}

/* Root's or the user's, and no one else's to write. */
static bool folder_is_closed(const char *path)
{
    char folder[PATH_MAX];
    struct stat status;
    return folder_of(path, folder) && stat(folder, &status) == 0 &&
           (status.st_uid == 0 || status.st_uid == geteuid()) && (status.st_mode & 022) == 0;
}

int output_file_open(FILE **ret_file, const char *path, mode_t mode)
{
    int fd = own_file_open(path, 0, mode, geteuid());
    bool is_regular = fd >= 0;
    if ((fd == -ELOOP || fd == -EINVAL) && folder_is_closed(path)) {
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        fd = fd < 0 ? -errno : fd;
    }
    if (fd < 0)
        return fd;
    *ret_file = is_regular && ftruncate(fd, 0) != 0 ? NULL : fdopen(fd, "w");
    int error = *ret_file ? 0 : -errno;
    if (error < 0)
        close(fd);
    return error;
}

int output_file_check(const char *path)
{
    char folder[PATH_MAX];
    struct stat status;
    if (strcmp(path, "-") == 0)
        return 0;
    if (!folder_of(path, folder))
        return -ENAMETOOLONG;
    if (strchr(folder, '%'))
        return 0;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return -EISDIR;
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
        return 0;
    return errno == ENOENT && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}
