#include "tools/segment/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "tools/common/process.h"
#include "tools/segment/outside_record.h"

#define NAME_ROOM (SEGMENT_STEM + 16u)
#define ATTEMPTS  8

static const char *suffix_of(const char *name)
{
    const char *suffix = strrchr(name, '.');
    return suffix ? suffix : "";
}

bool segment_name_is_outside(const char *name)
{
    return strcmp(suffix_of(name), OUTSIDE_SUFFIX) == 0;
}

/* "PID.seg", or "PID-INODE.seg" where processes of two pid namespaces share a folder. */
pid_t segment_pid_of(const char *name)
{
    char *end;
    long pid = *name >= '1' && *name <= '9' ? strtol(name, &end, 10) : 0;
    if (pid <= 0 || pid > INT_MAX)
        return 0;
    if (*end == '-' && end[1] >= '1' && end[1] <= '9')
        strtoull(end + 1, &end, 10);
    bool is_one = strcmp(end, SEGMENT_SUFFIX) == 0 || strcmp(end, OUTSIDE_SUFFIX) == 0;
    return is_one && (size_t)(end - name) < SEGMENT_STEM ? (pid_t)pid : 0;
}

static void name_beside(const struct segment_file *file, const char *suffix, char *ret_name)
{
    snprintf(ret_name, NAME_ROOM, "%s%s", file->stem, suffix);
}

/* --- whose it is --- */

/*
 * Only root's file may be another user's process's: a daemon that gave root up. A file of a user who is not root never
 * speaks for a process of root, and for one of a third user only where that one has it mapped for writing, which takes
 * the file's owner.
 */
static bool may_be_of(const struct segment_file *file, const struct process_users *users, bool *ret_is_own)
{
    *ret_is_own = users->real == file->owner || users->effective == file->owner || users->saved == file->owner;
    return *ret_is_own || users->real != 0 || users->effective != 0;
}

static bool is_held(struct segment_file *file, bool is_own)
{
    int mapped = process_maps_file(file->pid, &file->status);
    if (mapped == 0 && is_own) { /* file systems that show one number to stat(2) and another among the mappings */
        char path[RUNTIME_PATH_SIZE + NAME_ROOM];
        snprintf(path, sizeof(path), "%s/%s" SEGMENT_SUFFIX "\n", file->folder.path, file->stem);
        mapped = process_maps(file->pid, path);
    }
    file->is_mapped = mapped > 0;
    return mapped > 0 || (mapped < 0 && is_own);
}

/* 0, or -ESRCH: the process runs and has nothing to do with this file. */
static int look_at_process(struct segment_file *file, unsigned *strangers_left)
{
    struct process_users users;
    bool is_own;
    file->user = file->owner;
    if (process_users(file->pid, &users) < 0)
        return 0; /* it is gone */
    if (!may_be_of(file, &users, &is_own) || (!is_own && *strangers_left == 0))
        return -ESRCH;
    *strangers_left -= !is_own;
    file->is_held = is_held(file, is_own);
    if (file->is_held)
        file->user = users.effective;
    return file->is_held || is_own ? 0 : -ESRCH;
}

/* --- of `nodewise apply` --- */

static bool is_watched(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Who may place a process's threads: root, and whom it runs as (sched_setaffinity(2)). No other's word counts. */
static bool may_govern(const struct segment_file *file, const struct process_users *users)
{
    return file->owner == 0 || users->effective == file->owner || users->real == file->owner;
}

/* As look_at_process(); -EINVAL or -EPROTONOSUPPORT: it is no such record. */
static int look_at_outside(struct segment_file *file)
{
    struct outside_head head;
    struct process_users users;
    file->user = file->owner;
    int error = read_at(file->fd, &head, sizeof(head), 0);
    if (error == 0)
        error = outside_check_head(&head, (size_t)file->status.st_size);
    if (error < 0)
        return error;
    if (head.pid != (uint32_t)file->pid)
        return -EINVAL;
    file->begin = (off_t)outside_segment_offset(&head);
    if (process_users(file->pid, &users) < 0)
        return 0; /* it is gone */
    if (!may_govern(file, &users) || head.start_ticks != process_start_ticks(file->pid))
        return -ESRCH;
    file->is_held = true;
    file->user = users.effective;
    file->watcher = is_watched(file->fd) ? (pid_t)head.watcher : 0;
    return 0;
}

/* --- one file --- */

/*
 * Has a process of another pid namespace this file mapped, which has no number here? The kernel grants a lease for
 * reading where no one has the file open for writing, and a mapping counts as open. A signal that who opens it in
 * between would cause is one that is ignored.
 */
static bool is_in_use(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0)
        return false;
    bool used = fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return used;
}

int segment_open_in(struct segment_file *ret_file, const struct segment_folder *folder, const char *name,
                    unsigned *strangers_left)
{
    struct segment_file file = {.pid = segment_pid_of(name), .owner = folder->uid, .folder = *folder};
    if (!file.pid)
        return -EINVAL;
    file.from_outside = segment_name_is_outside(name);
    snprintf(file.stem, sizeof(file.stem), "%.*s", (int)(suffix_of(name) - name), name);
    file.fd = open_regular(folder->fd, name, O_RDONLY, &file.status);
    if (file.fd < 0)
        return file.fd;
    bool sound = file.status.st_uid == folder->uid && file.status.st_nlink == 1 && !(file.status.st_mode & 022);
    int error = !sound ? -EPERM : file.from_outside ? look_at_outside(&file) : look_at_process(&file, strangers_left);
    if (error == 0 && !file.is_held && is_in_use(file.fd))
        error = -ESRCH;
    if (error < 0)
        close(file.fd);
    else
        *ret_file = file;
    return error;
}

int segment_open_path(struct segment_file *ret_file, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct segment_folder folder;
    char text[PATH_MAX];
    if (!slash || (size_t)(slash - path) >= sizeof(text))
        return -EINVAL;
    snprintf(text, sizeof(text), "%.*s", (int)(slash - path), path);
    int error = folder_open_path(&folder, slash == path ? "/" : text);
    if (error < 0)
        return error;
    error = segment_open_in(ret_file, &folder, slash + 1, &(unsigned){1});
    if (error < 0)
        folder_close(&folder);
    return error;
}

void segment_close(struct segment_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (!file->in_memory)
        folder_close(&file->folder);
    file->fd = -1;
}

/* --- reading --- */

int segment_read_at(const struct segment_file *file, void *ret_data, size_t size, off_t offset)
{
    if (file->fd < 0)
        return file->fd;
    return read_at(file->fd, ret_data, size, file->begin + offset);
}

/* A mapping ends with a page, and says itself where the segment ends. */
static int size_of(const struct segment_file *file, size_t *ret_size)
{
    uint64_t size = (uint64_t)file->status.st_size;
    if (!file->in_memory) {
        *ret_size = (size_t)size - (size_t)file->begin;
        return 0;
    }
    int error = segment_read_at(file, &size, sizeof(size), offsetof(struct segment_header, total_size));
    if (error == 0 && size > (uint64_t)file->status.st_size)
        error = -EINVAL;
    if (error == 0)
        *ret_size = (size_t)size;
    return error;
}

int segment_read(const struct segment_file *file, struct file_bytes *ret_bytes)
{
    size_t size = 0;
    int error = size_of(file, &size);
    if (error < 0)
        return error;
    if (size == 0 || size > SEGMENT_MOST)
        return -EINVAL;
    struct file_bytes bytes = {malloc(size), size};
    if (!bytes.data)
        return -ENOMEM;
    error = segment_read_at(file, bytes.data, size, 0);
    if (error < 0)
        free(bytes.data);
    else
        *ret_bytes = bytes;
    return error;
}

const char *segment_missing(const struct segment_file *file)
{
    switch (file->missing) {
    case 0:
        return "unknown";
    case ENOSPC:
        return "no space";
    case EFBIG:
        return "a limit on the size of files";
    case EPERM:
    case ENOTDIR:
    case ELOOP:
        return "the folder's name is taken";
    case ENOENT:
        return "no folder";
    default:
        return strerror(file->missing);
    }
}

/* --- beside it --- */

int segment_open_beside(const struct segment_file *file, const char *suffix, struct stat *ret_status)
{
    char name[NAME_ROOM];
    if (file->in_memory)
        return -ENOENT;
    name_beside(file, suffix, name);
    int fd = open_regular(file->folder.fd, name, O_RDONLY, ret_status);
    bool sound = fd < 0 ||
                 (ret_status->st_nlink == 1 && (ret_status->st_uid == file->owner || ret_status->st_uid == file->user));
    if (sound)
        return fd;
    close(fd);
    return -EPERM;
}

int segment_make_beside(const struct segment_file *file, const char *suffix)
{
    char name[NAME_ROOM];
    if (file->in_memory)
        return -ENOENT;
    name_beside(file, suffix, name);
    unlinkat(file->folder.fd, name, 0);
    int fd = openat(file->folder.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

void segment_remove_beside(const struct segment_file *file, const char *suffix)
{
    char name[NAME_ROOM];
    if (file->in_memory)
        return;
    name_beside(file, suffix, name);
    unlinkat(file->folder.fd, name, 0);
}

/* A segment is not writable by its name (shim/telemetry/store.c). */
static int open_for_writing(const struct segment_file *file, struct stat *ret_status)
{
    char name[NAME_ROOM];
    name_beside(file, SEGMENT_SUFFIX, name);
    int fd = open_regular(file->folder.fd, name, O_RDWR, ret_status);
    for (int i = 0; fd == -EACCES && i < ATTEMPTS; i++) { /* another command may do the same */
        if (fchmod(file->fd, 0600) != 0)
            break;
        fd = open_regular(file->folder.fd, name, O_RDWR, ret_status);
        fchmod(file->fd, 0400);
    }
    return fd;
}

/* What the descriptor is open on was proven; the kernel asks again whether this command may write to the process. */
static int reopen_memory(const struct segment_file *file)
{
    char path[NAME_ROOM];
    if (file->fd < 0)
        return file->fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int segment_reopen(const struct segment_file *file)
{
    struct stat status;
    if (file->in_memory)
        return reopen_memory(file);
    int fd = open_for_writing(file, &status);
    if (fd < 0 || (status.st_dev == file->status.st_dev && status.st_ino == file->status.st_ino))
        return fd;
    close(fd);
    return -ESTALE;
}
