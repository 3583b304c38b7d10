#include "policy/measured_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MOST  (8u << 20) /* of 1,024 nodes it is 5 MB */
#define ROOT_STATE "/var/lib"

/* --- places --- */

/* NULL: there is none. Programs with more rights than their user call this, too (libnodewise-api). */
static const char *state_folder(unsigned place, const char **ret_below)
{
    const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
    *ret_below = "";
    if (place == MEASURED_OF_ROOT)
        return ROOT_STATE;
    if (state && *state == '/')
        return state;
    *ret_below = "/.local/state";
    return geteuid() != 0 && home && *home == '/' ? home : NULL;
}

int measured_file_path(char **ret_path, unsigned place)
{
    char host[HOST_NAME_MAX + 1] = "";
    const char *below, *folder = state_folder(place, &below);
    if (!folder)
        return -ENOENT;
    gethostname(host, sizeof(host) - 1);
    for (char *slash; (slash = strchr(host, '/'));)
        *slash = '_';
    return asprintf(ret_path, "%s%s/nodewise/distances.%s", folder, below, host) < 0 ? -ENOMEM : 0;
}

/* --- reading --- */

static int prove(const struct stat *status)
{
    if (!S_ISREG(status->st_mode))
        return -EINVAL;
    if ((status->st_uid != 0 && status->st_uid != geteuid()) || (status->st_mode & 022))
        return -EPERM;
    return status->st_size > 0 && status->st_size <= (off_t)SIZE_MOST ? 0 : -EINVAL;
}

static int read_all(char **ret_text, int fd, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return -ENOMEM;
    ssize_t length = read(fd, text, size);
    int error = length < 0 ? -errno : (size_t)length != size || memchr(text, '\0', size) ? -EPROTO : 0;
    text[size] = '\0';
    if (error < 0)
        free(text);
    else
        *ret_text = text;
    return error;
}

int measured_file_read(char **ret_text, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? -ENOENT : -errno;
    int error = fstat(fd, &status) == 0 ? prove(&status) : -errno;
    if (error == 0)
        error = read_all(ret_text, fd, (size_t)status.st_size);
    close(fd);
    return error;
}

/* --- writing --- */

/* Makes the folders on the way to the file that are missing. */
static int make_folders(char *path)
{
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        int error = mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
        *slash = '/';
        if (error < 0)
            return error;
    }
    return 0;
}

static int check_folder(char *path)
{
    struct stat status;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int error = lstat(path, &status) == 0 ? 0 : -errno;
    *slash = '/';
    if (error == 0 && !S_ISDIR(status.st_mode))
        error = -ENOTDIR;
    return error < 0 ? error : status.st_uid == geteuid() && !(status.st_mode & 022) ? 0 : -EPERM;
}

static int write_new(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    size_t size = strlen(text);
    ssize_t written = write(fd, text, size);
    int error = written < 0 ? -errno : (size_t)written == size ? 0 : -ENOSPC;
    if (error == 0 && fchmod(fd, 0644) != 0) /* whatever the umask made of it: root's serves all users */
        error = -errno;
    if (close(fd) != 0 && error == 0)
        error = -errno;
    if (error < 0)
        unlink(path);
    return error;
}

static int write_at(char *path, const char *text)
{
    char *temporary;
    int error = make_folders(path);
    if (error == 0)
        error = check_folder(path);
    if (error < 0)
        return error;
    if (asprintf(&temporary, "%s.%u.tmp", path, (unsigned)getpid()) < 0)
        return -ENOMEM;
    error = write_new(temporary, text);
    if (error == 0 && rename(temporary, path) != 0) {
        error = -errno;
        unlink(temporary);
    }
    free(temporary);
    return error;
}

static int path_to_write(char **ret_path)
{
    int error = measured_file_path(ret_path, MEASURED_OF_USER);
    return error == -ENOENT && geteuid() == 0 ? measured_file_path(ret_path, MEASURED_OF_ROOT) : error;
}

int measured_file_check(char **ret_path)
{
    int error = path_to_write(ret_path);
    if (error < 0) {
        *ret_path = NULL;
        return error;
    }
    error = make_folders(*ret_path);
    if (error == 0)
        error = check_folder(*ret_path);
    if (error < 0)
        return error;
    char *slash = strrchr(*ret_path, '/');
    *slash = '\0';
    error = access(*ret_path, W_OK | X_OK) == 0 ? 0 : -errno;
    *slash = '/';
    return error;
}

int measured_file_write(char **ret_path, const char *text)
{
    char *path;
    int error = path_to_write(&path);
    if (error < 0)
        return error;
    error = write_at(path, text);
    if (error < 0)
        free(path);
    else
        *ret_path = path;
    return error;
}
