#include "tools/segment/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"

#define STEP_NS    20000000L
#define LOCK_TRIES 50 /* steps: the owner of the file can hold the lock for as long as it likes */

static int leave_file(const struct segment_file *segment, const char *suffix, const char *text)
{
    size_t length = strlen(text);
    int fd = segment_make_beside(segment, suffix), error = 0;
    if (fd < 0)
        return fd;
    if (write(fd, text, length) != (ssize_t)length)
        error = -EIO;
    /* root asks another user's process: it has to be able to read it */
    if (error == 0 && segment->user != geteuid() && fchown(fd, segment->user, (gid_t)-1) != 0)
        error = -errno;
    close(fd);
    if (error < 0)
        segment_remove_beside(segment, suffix);
    return error;
}

/* Commands raise it one after the other. One that cannot wait any longer goes on, and perhaps gets another's answer. */
static void lock(int fd)
{
    const struct timespec step = {0, STEP_NS};
    for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; i++)
        nanosleep(&step, NULL);
}

static int write_at(int fd, const void *data, size_t size, off_t offset)
{
    ssize_t count = pwrite(fd, data, size, offset);
    return count < 0 ? -errno : (size_t)count == size ? 0 : -EIO;
}

/* path: or what else is asked of a segment without a file, else NULL. Not in a mapping: the owner could cut the file short, which would end
 * the command. */
static int raise_word(const struct segment_file *segment, const char *path, uint32_t *ret_number)
{
    const off_t offset = segment->begin + (off_t)offsetof(struct segment_header, request_wanted);
    uint32_t number;
    int error = 0, fd = segment_reopen(segment);
    if (fd < 0)
        return fd;
    lock(fd);
    if (path)
        error =
            write_at(fd, path, strlen(path) + 1, segment->begin + (off_t)offsetof(struct segment_header, request_path));
    if (error == 0)
        error = read_at(fd, &number, sizeof(number), offset);
    number++;
    if (error == 0)
        error = write_at(fd, &number, sizeof(number), offset);
    close(fd);
    if (error == 0)
        *ret_number = number;
    return error;
}

int request_make(const struct segment_file *segment, const char *suffix, const char *text, uint32_t *ret_number)
{
    if (segment->in_memory) {
        const char *asked = strcmp(suffix, RELOAD_SUFFIX) == 0 ? text : suffix;
        return strlen(asked) < SEGMENT_REQUEST_PATH ? raise_word(segment, asked, ret_number) : -ENAMETOOLONG;
    }
    int error = leave_file(segment, suffix, text);
    return error == 0 ? raise_word(segment, NULL, ret_number) : error;
}

/* The segment is another one after a change of the plan, so it is found anew each time. */
static bool is_answered(pid_t pid, uint32_t number)
{
    struct snapshot snapshot;
    struct segment_file segment;
    bool answered = false;
    if (segment_find(&segment, pid) < 0)
        return false;
    if (snapshot_read(&snapshot, &segment) == 0) {
        answered = snapshot.header.request_done == number || !snapshot.alive;
        snapshot_free(&snapshot);
    }
    segment_close(&segment);
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
