#include "tools/segment/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/segment/snapshot.h"

#define STEP_NS 20000000L

char *request_path(const char *segment, const char *suffix)
{
    size_t length = strlen(segment) - strlen(SEGMENT_SUFFIX);
    char *path;
    return asprintf(&path, "%.*s%s", (int)length, segment, suffix) < 0 ? NULL : path;
}

static int leave_file(const char *segment, const char *suffix, const char *text)
{
    char *path = request_path(segment, suffix);
    if (!path)
        return -ENOMEM;
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? -errno : 0;
    struct stat status;
    /* root asks another user's process: it has to be able to read it */
    if (error == 0 && stat(segment, &status) == 0 && status.st_uid != geteuid() &&
        fchown(fd, status.st_uid, status.st_gid) != 0)
        error = -errno;
    if (error == 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        error = -EIO;
    if (fd >= 0)
        close(fd);
    free(path);
    return error;
}

static int raise_word(const char *segment, uint32_t *ret_number)
{
    int fd = open(segment, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct segment_header *header = mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int error = header == MAP_FAILED ? -errno : 0;
    close(fd);
    if (error == 0) {
        *ret_number = __atomic_add_fetch(&header->request_wanted, 1, __ATOMIC_RELEASE);
        munmap(header, sizeof(*header));
    }
    return error;
}

int request_make(const char *segment, const char *suffix, const char *text, uint32_t *ret_number)
{
    int error = leave_file(segment, suffix, text);
    return error == 0 ? raise_word(segment, ret_number) : error;
}

/* The segment is another one after a change of the plan, so it is found anew each time. */
static bool is_answered(pid_t pid, uint32_t number)
{
    struct snapshot snapshot;
    char *segment = NULL;
    bool answered = false;
    if (segment_find(&segment, pid) == 0 && snapshot_read(&snapshot, segment) == 0) {
        answered = snapshot.header.request_done == number || !snapshot.alive;
        snapshot_free(&snapshot);
    }
    free(segment);
    return answered;
}

bool request_wait(pid_t pid, uint32_t number, double seconds)
{
    const struct timespec step = {0, STEP_NS};
    for (double waited = 0; waited <= seconds; waited += (double)STEP_NS / 1e9) {
        if (is_answered(pid, number))
            return true;
        nanosleep(&step, NULL);
    }
    return false;
}
