#include "tools/common/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/sys/again.h"

/* What O_PATH found is opened by its descriptor, so nothing can take its place in between. */
int open_regular(int folder, const char *name, int flags, struct stat *ret_status)
{
    char path[48];
    int found = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (found < 0)
        return -errno;
    int error = fstat(found, ret_status) == 0 ? 0 : -errno;
    if (error == 0 && !S_ISREG(ret_status->st_mode))
        error = S_ISLNK(ret_status->st_mode) ? -ELOOP : -EINVAL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
    int fd = error == 0 ? open(path, flags | O_NONBLOCK | O_CLOEXEC) : -1;
    if (error == 0 && fd < 0)
        error = -errno;
    close(found);
    return error < 0 ? error : fd;
}

int read_at(int fd, void *ret_data, size_t size, off_t offset)
{
    char *at = ret_data;
    unsigned interruptions = 0;
    while (size > 0) {
        ssize_t length = pread(fd, at, size, offset);
        if (length < 0 && call_again(&interruptions))
            continue;
        if (length <= 0)
            return length < 0 ? -errno : -ENODATA;
        at += length;
        offset += length;
        size -= (size_t)length;
    }
    return 0;
}

int read_opened(struct file_bytes *ret_file, int fd, const struct stat *status, size_t max)
{
    if (status->st_size <= 0 || (size_t)status->st_size > max)
        return -EINVAL;
    struct file_bytes file = {malloc((size_t)status->st_size), (size_t)status->st_size};
    if (!file.data)
        return -ENOMEM;
    int error = read_at(fd, file.data, file.size, 0);
    if (error < 0)
        free(file.data);
    else
        *ret_file = file;
    return error;
}

int read_file(struct file_bytes *ret_file, const char *path, size_t max)
{
    struct stat status;
    int fd = open_regular(AT_FDCWD, path, O_RDONLY, &status);
    if (fd < 0)
        return fd;
    int error = read_opened(ret_file, fd, &status, max);
    close(fd);
    return error;
}

int read_stream(struct file_bytes *ret_bytes, int fd, size_t max)
{
    struct file_bytes bytes = {malloc(max + 1), 0};
    ssize_t count = 1;
    unsigned interruptions = 0;
    if (!bytes.data)
        return -ENOMEM;
    while (count != 0 && bytes.size <= max) {
        count = read(fd, bytes.data + bytes.size, max + 1 - bytes.size);
        if (count < 0 && !call_again(&interruptions))
            break;
        bytes.size += count > 0 ? (size_t)count : 0;
    }
    int error = count < 0 ? -errno : bytes.size > max ? -EFBIG : 0;
    if (error < 0)
        free(bytes.data);
    else
        *ret_bytes = bytes;
    return error;
}

size_t read_start(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, ret_text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

bool read_line(const char *path, char *ret_line, size_t size)
{
    size_t length = read_start(path, ret_line, size);
    ret_line[strcspn(ret_line, "\n")] = '\0';
    return length > 0;
}
