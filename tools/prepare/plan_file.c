#include "tools/prepare/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/plan_text.h"
#include "shim/sys/again.h"

static bool is_sound(int fd)
{
    struct stat status;
    struct plan_view view;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022) ||
        status.st_size <= 0 || status.st_size > (off_t)PLAN_MAX_SIZE)
        return false;
    size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return false;
    bool sound = plan_check(&view, data, size, NULL) == 0;
    munmap(data, size);
    return sound;
}

static int open_plan(const char *path)
{
    return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

bool plan_file_is_sound(const char *path)
{
    int fd = open_plan(path);
    bool sound = fd >= 0 && is_sound(fd);
    if (fd >= 0)
        close(fd);
    return sound;
}

/*
 * A sweep looks at the time and removes the file under the lock. So either it sees that the file was just taken, or the
 * one who takes it sees that it has no name any more.
 */
static bool mark_used(int fd)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && time(NULL) - status.st_mtime < PLAN_FRESH)
        return true; /* a sweep leaves it alone for longer than that */
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        return false;
    futimens(fd, NULL); /* a read-only file system refuses, and nothing is removed there */
    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

bool plan_file_take(const char *path)
{
    int fd = open_plan(path);
    bool taken = fd >= 0 && is_sound(fd) && mark_used(fd);
    if (fd >= 0)
        close(fd);
    return taken;
}

bool plan_file_remove_old(int folder, const char *name, time_t before)
{
    struct stat status;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool removed = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                   status.st_uid == geteuid() && status.st_mtime < before && unlinkat(folder, name, 0) == 0;
    if (fd >= 0)
        close(fd);
    return removed;
}

int plan_file_load(struct file_bytes *ret_plan, const char *plan)
{
    if (!plan_text_is(plan))
        return read_file(ret_plan, plan, PLAN_MAX_SIZE);
    size_t size = plan_text_length(plan);
    if (!size)
        return -EINVAL;
    char *data = malloc(size);
    if (!data)
        return -ENOMEM;
    if (!plan_text_read(data, plan)) {
        free(data);
        return -EINVAL;
    }
    *ret_plan = (struct file_bytes){data, size};
    return 0;
}

/* The kernel would end this process with SIGXFSZ. */
static bool may_have_size(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || size <= limit.rlim_cur;
}

static int write_all(int fd, const char *data, size_t size)
{
    unsigned interruptions = 0;
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && !call_again(&interruptions))
            return -errno;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

int plan_file_write(const char *path, const struct plan_bytes *plan, unsigned mode)
{
    char *temporary;
    if (!may_have_size(plan->size))
        return -EFBIG;
    if (asprintf(&temporary, "%s.%u.tmp", path, (unsigned)getpid()) < 0)
        return -ENOMEM;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    int error = fd < 0 ? -errno : 0;
    if (error == 0)
        error = write_all(fd, plan->data, plan->size);
    if (error == 0 && fchmod(fd, mode) != 0)
        error = -errno;
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = -errno;
    if (error < 0 && fd >= 0)
        unlink(temporary);
    free(temporary);
    return error;
}
