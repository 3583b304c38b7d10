#include "tools/prepare/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool plan_file_is_sound(const char *path)
{
    struct stat status;
    struct plan_view view;
    bool sound = false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        (status.st_mode & 022) == 0 && status.st_size > 0 && status.st_size <= (off_t)PLAN_MAX_SIZE) {
        size_t size = (size_t)status.st_size;
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data != MAP_FAILED) {
            sound = plan_check(&view, data, size, NULL) == 0;
            munmap(data, size);
        }
    }
    close(fd);
    return sound;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR)
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
