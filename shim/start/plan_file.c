#include "shim/start/plan_file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/plan_text.h"
#include "shim/base/common.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define PLANS "/plans/"

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
    const struct runtime_user user = {shim.uid, NULL};
    static const enum runtime_folder kinds[] = {RUNTIME_OF_ROOT, RUNTIME_SHARED};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char prefix[RUNTIME_PATH_SIZE + sizeof(PLANS)];
        if (!runtime_folder_path(prefix, sizeof(prefix), kinds[i], &user))
            continue;
        size_t length = strlen(prefix);
        if (strncmp(path, prefix, length) == 0 && strncmp(path + length, PLANS, sizeof(PLANS) - 1) == 0)
            return !strstr(path, "/../");
    }
    return false;
}

static bool read_whole(int fd, char *ret_data, size_t size)
{
    for (size_t length = 0; length < size;) {
        ssize_t count = raw_read(fd, ret_data + length, size - length);
        if (count <= 0)
            return false;
        length += (size_t)count;
    }
    return true;
}

/* NULL: memory is short. */
static char *fresh_memory(size_t size)
{
    char *memory = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
    return memory == MAP_FAILED ? NULL : memory;
}

/*
 * Memory for plans that come after the start's, whose own memory stays as it is: the arenas read its table of CPUs. This memory is used again in turn and never given back: a thread that was
 * interrupted between reading the pointer to an earlier plan and looking at its features may still do so. No more than
 * two plans are in use at a time (a forked child takes its policy's plan to find its share's, and may keep its own).
 */
static struct {
    char *memory;
    size_t room;
} later[4];
static unsigned later_turn;

static size_t room_for(size_t size)
{
    size_t room = page_size();
    while (room < size)
        room *= 2; /* so that a longer plan each time leaves little behind */
    return room;
}

/* NULL: memory is short. */
static char *later_memory(size_t size)
{
    unsigned turn = later_turn++ % (sizeof(later) / sizeof(later[0]));
    if (later[turn].memory && later[turn].memory == (const char *)shim.plan.header)
        turn = later_turn++ % (sizeof(later) / sizeof(later[0]));
    if (later[turn].room >= size)
        return raw_mprotect(later[turn].memory, later[turn].room, PROT_READ | PROT_WRITE) == 0 ? later[turn].memory
                                                                                               : NULL;
    size_t room = room_for(size);
    char *memory = fresh_memory(room);
    if (!memory)
        return NULL;
    later[turn].memory = memory;
    later[turn].room = room;
    return memory;
}

/* NULL: memory is short. */
static char *memory_for(size_t size, bool apart)
{
    if (apart && shim_is_governing())
        return later_memory(size);
    if (apart)
        return fresh_memory(size);
    if (size <= sizeof(tiny_plan))
        return tiny_plan;
    if (size <= sizeof(small_plan))
        return small_plan;
    return fresh_memory(size);
}

/* Is it memory that will be used again? */
static bool is_kept(const char *memory)
{
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (memory == later[i].memory)
            return true;
    return memory == tiny_plan || memory == small_plan;
}

/* is_read: the bytes are there. The memory is given back where they are no plan. */
static enum reason take_memory(struct plan_view *ret_plan, char *memory, size_t size, bool is_read)
{
    if (is_read && plan_check(ret_plan, memory, size, NULL) == 0) {
        if (memory != tiny_plan && memory != small_plan)
            raw_mprotect(memory, size, PROT_READ);
        return REASON_OK;
    }
    if (!is_kept(memory))
        raw_munmap(memory, size);
    return REASON_PLAN_DAMAGED;
}

/*
 * The plan is a copy, and the copy is what is checked: another process may write into the file at any time, or cut it
 * short, and a mapping of the file would then say something else, or be SIGBUS.
 */
static enum reason read_open_file(struct plan_view *ret_plan, int fd, bool apart)
{
    struct stat info;
    if (raw_fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || !owner_is_trusted(&info) || (info.st_mode & 022))
        return REASON_PLAN_UNSAFE;
    if (info.st_size < (off_t)sizeof(struct plan_header) || info.st_size > (off_t)PLAN_MAX_SIZE)
        return REASON_PLAN_DAMAGED;
    size_t size = (size_t)info.st_size;
    char *memory = memory_for(size, apart);
    if (!memory)
        return REASON_PLAN_DAMAGED;
    return take_memory(ret_plan, memory, size, read_whole(fd, memory, size));
}

/* Of the user who set the environment, which is the program's own user. */
static enum reason read_text(struct plan_view *ret_plan, const char *text, bool apart)
{
    size_t size = plan_text_length(text);
    if (size < sizeof(struct plan_header) || size > PLAN_TEXT_MOST)
        return REASON_PLAN_DAMAGED;
    char *memory = memory_for(size, apart);
    if (!memory)
        return REASON_PLAN_DAMAGED;
    return take_memory(ret_plan, memory, size, plan_text_read(memory, text));
}

static enum reason read_path(struct plan_view *ret_plan, const char *path, bool apart)
{
    if (plan_text_is(path))
        return read_text(ret_plan, path, apart);
    if (!folder_is_ours(path) && !folder_is_safe(path))
        return raw_access(path, F_OK) == 0 ? REASON_PLAN_UNSAFE : REASON_PLAN_MISSING;
    int fd = raw_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block the program */
    if (fd < 0)
        return REASON_PLAN_MISSING;
    enum reason reason = read_open_file(ret_plan, fd, apart);
    raw_close(fd);
    return reason;
}

enum reason plan_file_read(struct plan_view *ret_plan, const char *path)
{
    return read_path(ret_plan, path, false);
}

enum reason plan_file_read_apart(struct plan_view *ret_plan, const char *path)
{
    return read_path(ret_plan, path, true);
}
