#include "shim/start/plan_file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/sys/raw.h"

/*
 * Plans up to this size are read into static memory of the library. In a process that starts cold, read(2) into a page
 * or two costs a third of mmap(2) and the first touch of the mapping.
 */
#define SMALL_PLAN 16384u
static _Alignas(8) char small_plan[SMALL_PLAN];
/* Most plans are smaller still and fit on a page that start-up writes anyway. */
#define TINY_PLAN 1792u
static _Alignas(8) char tiny_plan[TINY_PLAN] ON_DATA_PAGE;

static bool owner_is_trusted(const struct stat *info)
{
    return info->st_uid == 0 || info->st_uid == shim.uid;
}

/* In a sticky folder (/tmp) other users can add files but cannot replace this one. */
static bool folder_is_safe(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    struct stat info;
    if (*path != '/' || (size_t)(slash - path) >= sizeof(folder))
        return false;
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, path, length);
    folder[length] = '\0';
    if (raw_lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || !owner_is_trusted(&info))
        return false;
    return !(info.st_mode & 022) || (info.st_mode & S_ISVTX);
}

/*
 * The command keeps plans in folders that it made itself, with mode 0700 (root: 0711), for one user, in a sticky folder
 * of root. No other user can replace a file there. The owner and mode of the file itself are checked in any case.
 */
static bool folder_is_ours(const char *path)
{
    char prefix[64];
    struct text_writer writer = {prefix, sizeof(prefix), 0};
    write_text(&writer, SEGMENT_DIR_PREFIX);
    write_number(&writer, shim.uid, 0);
    write_text(&writer, "/plans/");
    return strncmp(path, prefix, writer.length) == 0 && !strstr(path, "/../");
}

/* Reads the whole file into static memory. NULL: the file does not fit there or cannot be read. */
static void *read_small(int fd, size_t size)
{
    char *to = size <= sizeof(tiny_plan) ? tiny_plan : small_plan;
    if (size > sizeof(small_plan))
        return NULL;
    return raw_read(fd, to, size) == (ssize_t)size ? to : NULL;
}

static enum reason map_open_file(struct plan_view *ret_plan, int fd, bool apart)
{
    struct stat info;
    if (raw_fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || !owner_is_trusted(&info) || (info.st_mode & 022))
        return REASON_PLAN_UNSAFE;
    if (info.st_size < (off_t)sizeof(struct plan_header) || info.st_size > (off_t)PLAN_MAX_SIZE)
        return REASON_PLAN_DAMAGED;
    void *data = apart ? NULL : read_small(fd, (size_t)info.st_size);
    if (data)
        return plan_check(ret_plan, data, (size_t)info.st_size, NULL) == 0 ? REASON_OK : REASON_PLAN_DAMAGED;
    /* no MAP_POPULATE: the kernel maps the neighbours of a cached page anyway, in half the time */
    data = raw_mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd);
    if (data == MAP_FAILED)
        return REASON_PLAN_DAMAGED;
    if (plan_check(ret_plan, data, (size_t)info.st_size, NULL) == 0)
        return REASON_OK;
    raw_munmap(data, (size_t)info.st_size);
    return REASON_PLAN_DAMAGED;
}

static enum reason map_path(struct plan_view *ret_plan, const char *path, bool apart)
{
    if (!folder_is_ours(path) && !folder_is_safe(path))
        return raw_access(path, F_OK) == 0 ? REASON_PLAN_UNSAFE : REASON_PLAN_MISSING;
    int fd = raw_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block the program */
    if (fd < 0)
        return REASON_PLAN_MISSING;
    enum reason reason = map_open_file(ret_plan, fd, apart);
    raw_close(fd);
    return reason;
}

enum reason plan_file_map(struct plan_view *ret_plan, const char *path)
{
    return map_path(ret_plan, path, false);
}

enum reason plan_file_map_apart(struct plan_view *ret_plan, const char *path)
{
    return map_path(ret_plan, path, true);
}
