#include "tools/segment/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "shim/telemetry/survey_layout.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"

#define PATH_ROOM 64u

/* What is looked for: the beginnings of its names, and its first bytes. */
struct kind {
    const char *names[2];
    uint64_t magic;
};

#define NAMES(name)                                                                                                    \
    {                                                                                                                  \
        "/memfd:" name, "[anon_shmem:" name                                                                            \
    }

static const struct kind segment_kind = {NAMES(SEGMENT_MEMORY_NAME), SEGMENT_MAGIC};
static const struct kind survey_kind = {NAMES(SURVEY_MEMORY_NAME), SURVEY_MAGIC};

struct found {
    uint64_t start, end;
    int missing;
    bool has_name; /* false: shared memory that may be a segment */
};

/* --- among the mappings --- */

/* "/memfd:nodewise-segment-28 (deleted)", "[anon_shmem:nodewise-segment-28]": the number. -1: it is none. */
static int missing_of(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < 2; i++)
        if (strncmp(name, kind->names[i], strlen(kind->names[i])) == 0) {
            unsigned long number = strtoul(name + strlen(kind->names[i]), NULL, 10);
            return number < 4096 ? (int)number : 0;
        }
    return -1;
}

/* "7f00-7f40 rw-s 00000000 00:01 4711   /memfd:…" */
static bool is_candidate(const struct kind *kind, const char *line, struct found *ret_found)
{
    struct found found = {0};
    char permissions[5] = "";
    uint64_t offset;
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &found.start, &found.end, permissions,
               &offset, &at) != 4 ||
        at == 0 || offset != 0 || strcmp(permissions, "rw-s") != 0 || found.end <= found.start ||
        found.end - found.start > SEGMENT_MOST)
        return false;
    found.missing = missing_of(kind, line + at);
    found.has_name = found.missing >= 0;
    if (!found.has_name && strncmp(line + at, "/dev/zero (deleted)", 19) != 0)
        return false;
    if (!found.has_name)
        found.missing = EFBIG; /* a limit on files is why it has no name */
    *ret_found = found;
    return true;
}

/* The device that all shared memory without a file lies on. false: it cannot be told. */
static bool memory_device(unsigned *ret_major, unsigned *ret_minor)
{
    struct statx status;
    int fd = memfd_create("nodewise-view", MFD_CLOEXEC);
    bool known = fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_INO, &status) == 0;
    if (fd >= 0)
        close(fd);
    if (known) {
        *ret_major = status.stx_dev_major;
        *ret_minor = status.stx_dev_minor;
    }
    return known;
}

/*
 * The file behind a mapping, which root may open: another user's process could have put pages in its place that a file
 * system of its own (FUSE) gives out, a reader of /proc/PID/mem would wait for it. So it is neither opened nor asked
 * for anything before its device says that it is the kernel's memory.
 */
static int open_mapped(pid_t pid, const struct found *found)
{
    char path[PATH_ROOM];
    struct statx status;
    unsigned major, minor;
    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, found->start, found->end);
    int mapped = open(path, O_PATH | O_CLOEXEC);
    if (mapped < 0)
        return -errno;
    bool sound = memory_device(&major, &minor) &&
                 statx(mapped, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) == 0 &&
                 status.stx_dev_major == major && status.stx_dev_minor == minor;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", mapped);
    int fd = sound ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    int error = fd >= 0 ? 0 : sound ? -errno : -EPERM;
    close(mapped);
    return error < 0 ? error : fd;
}

/* *ret_begin: where the segment begins behind the descriptor. */
static int open_memory(pid_t pid, const struct found *found, off_t *ret_begin)
{
    char path[PATH_ROOM];
    struct process_users users;
    int error = process_users(pid, &users);
    *ret_begin = 0;
    if (error < 0)
        return error;
    if (users.effective != geteuid() || users.real != geteuid())
        return open_mapped(pid, found);
    *ret_begin = (off_t)found->start;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Where the memory cannot be read, its name is taken at its word. The segment of an earlier plan has no magic any more. */
static bool is_wanted(const struct kind *kind, pid_t pid, const struct found *found)
{
    uint64_t magic = 0;
    off_t begin;
    int fd = open_memory(pid, found, &begin);
    if (fd < 0)
        return found->has_name;
    int error = read_at(fd, &magic, sizeof(magic), begin);
    close(fd);
    return error == 0 && magic == kind->magic;
}

static bool find(const struct kind *kind, pid_t pid, struct found *ret_found, size_t *bytes)
{
    char path[PATH_ROOM], *line = NULL;
    size_t size = 0, most = *bytes < MEMORY_MOST ? *bytes : MEMORY_MOST, seen = 0;
    ssize_t length;
    bool has_found = false;
    struct found found;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    while (maps && !has_found && seen < most && (length = getline(&line, &size, maps)) > 0) {
        seen += (size_t)length;
        has_found = is_candidate(kind, line, &found) && is_wanted(kind, pid, &found);
    }
    if (maps)
        fclose(maps);
    free(line);
    *bytes -= seen < *bytes ? seen : *bytes;
    if (has_found)
        *ret_found = found;
    return has_found;
}

/* ---- */

int memory_open(struct segment_file *ret_file, pid_t pid, size_t *bytes)
{
    struct process_users users;
    struct found found;
    if (!find(&segment_kind, pid, &found, bytes) || process_users(pid, &users) < 0)
        return -ESRCH;
    struct segment_file file = {.pid = pid,
                                .owner = users.effective,
                                .user = users.effective,
                                .is_held = true,
                                .is_mapped = true,
                                .in_memory = true,
                                .missing = found.missing,
                                .folder = {.fd = -1}};
    file.fd = open_memory(pid, &found, &file.begin);
    file.status.st_size = (off_t)(found.end - found.start);
    *ret_file = file;
    return 0;
}

int memory_open_survey(pid_t pid, off_t *ret_begin, size_t *ret_size)
{
    size_t bytes = MEMORY_MOST;
    struct found found;
    if (!find(&survey_kind, pid, &found, &bytes))
        return -ENOENT;
    *ret_size = found.end - found.start;
    return open_memory(pid, &found, ret_begin);
}

void memory_forget_survey(pid_t pid)
{
    const uint64_t none = 0;
    char path[PATH_ROOM];
    off_t begin;
    size_t size;
    int fd = memory_open_survey(pid, &begin, &size);
    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int writable = open(path, O_RDWR | O_CLOEXEC);
    if (writable >= 0) {
        if (pwrite(writable, &none, sizeof(none), begin) != sizeof(none))
            errno = EIO; /* it is then read once more */
        close(writable);
    }
    close(fd);
}
