#include "tools/common/map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int map_file(struct mapped *ret_file, const char *path, size_t max)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error =
        fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && (size_t)status.st_size <= max
            ? 0
            : -EINVAL;
    void *data = error == 0 ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (error == 0 && data == MAP_FAILED)
        error = -errno;
    close(fd);
    if (error == 0)
        *ret_file = (struct mapped){data, (size_t)status.st_size};
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
