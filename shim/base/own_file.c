#include "shim/base/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/sys/raw.h"

#define NAME_SIZE 256u /* a name of NAME_MAX with its NUL */

/* --- the way there --- */

/* Copies the path's first name, without the slashes around it. Returns what follows; NULL: the name is too long. */
static const char *take_name(const char *path, char *ret_name)
{
    size_t length = strcspn(path, "/");
    if (length >= NAME_SIZE)
        return NULL;
    memcpy(ret_name, path, length);
    ret_name[length] = '\0';
    return path + length + strspn(path + length, "/");
}

/* Opens a folder in a folder. Where a link of the user or of root leads is their word. */
static int step(int folder, const char *name, uint32_t uid)
{
    struct stat info;
    int at = raw_openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (at < 0)
        return -errno;
    int error = raw_fstat(at, &info) == 0 ? 0 : -errno;
    if (!error && S_ISDIR(info.st_mode))
        return at;
    raw_close(at);
    if (error || !S_ISLNK(info.st_mode))
        return error ? error : -ENOTDIR;
    if (info.st_uid != uid && info.st_uid != 0)
        return -EPERM;
    int next = raw_openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    return next < 0 ? -errno : next;
}

/* Opens the folder of the path; ret_name: what is behind the last slash. */
static int open_folder(const char *path, uint32_t uid, char *ret_name)
{
    int folder = raw_open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    path += strspn(path, "/");
    const char *rest;
    while ((rest = take_name(path, ret_name)) && *rest) {
        int next = step(folder, ret_name, uid);
        raw_close(folder);
        if (next < 0)
            return next;
        folder = next;
        path = rest;
    }
    if (rest && *ret_name && path[strlen(ret_name)] != '/')
        return folder;
    raw_close(folder);
    return -EINVAL;
}

/* --- the file --- */

static int proof(const struct stat *info, uint32_t uid)
{
    if (S_ISLNK(info->st_mode))
        return -ELOOP;
    if (!S_ISREG(info->st_mode))
        return -EINVAL;
    /* a file with two names may be any file of the user, brought here by another one (link(2)) */
    return info->st_uid == uid && info->st_nlink == 1 ? 0 : -EPERM;
}

static int prove(int fd, uint32_t uid)
{
    struct stat info;
    return raw_fstat(fd, &info) == 0 ? proof(&info, uid) : -errno;
}

/*
 * Opening a FIFO or a device does something already, so the name is looked at first: by two calls of the loader, as it
 * may not be known yet which others there are.
 */
static int look_at(int folder, const char *name, uint32_t uid)
{
    int at = raw_openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (at < 0)
        return -errno;
    int error = prove(at, uid);
    raw_close(at);
    return error;
}

static int open_present(int folder, const char *name, int flags, uint32_t uid)
{
    int error = look_at(folder, name, uid);
    if (error)
        return error;
    int fd = raw_openat(folder, name, flags, 0);
    if (fd < 0)
        return -errno;
    error = prove(fd, uid);
    if (!error)
        return fd;
    raw_close(fd);
    return error;
}

int own_file_open(const char *path, int more, mode_t mode, uint32_t uid)
{
    const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | more;
    char name[NAME_SIZE];
    int folder = open_folder(path, uid, name);
    if (folder < 0)
        return folder;
    int fd = open_present(folder, name, flags, uid);
    if (fd == -ENOENT) {
        fd = raw_openat(folder, name, flags | O_CREAT | O_EXCL, mode);
        if (fd < 0)
            fd = errno == EEXIST ? open_present(folder, name, flags, uid) : -errno;
    }
    raw_close(folder);
    return fd;
}
