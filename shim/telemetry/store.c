#include "shim/telemetry/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "shim/base/runtime_folder.h"
#include "shim/base/segment_layout.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/room.h"

/* linux/prctl.h has these since Linux 5.17 */
#define SET_VMA           0x53564d41
#define SET_VMA_NAME      0
#define NAMESPACE_OF_SELF "/proc/self/ns/pid"

static struct {
    bool has_file;
    enum runtime_folder folder; /* of the file */
    uint64_t namespace;         /* inode of the pid namespace in the file's name; 0: it has none */
} store ON_DATA_PAGE;

/* --- names --- */

static void write_name(struct text_writer *writer, const char *suffix)
{
    write_number(writer, (uint64_t)shim.pid, 0);
    if (store.namespace) {
        write_char(writer, '-');
        write_number(writer, store.namespace, 0);
    }
    write_text(writer, suffix);
}

static void name_of(char *ret_name, const char *suffix)
{
    write_name(&(struct text_writer){ret_name, STORE_NAME_SIZE, 0}, suffix);
}

/* 0: unknown. */
static uint64_t own_namespace(void)
{
    struct stat info;
    return raw_call(SYS_newfstatat, AT_FDCWD, NAMESPACE_OF_SELF, &info, 0) == 0 ? info.st_ino : 0;
}

/* --- the file --- */

/*
 * Has a process this file mapped for writing? The kernel grants a lease for reading where no one has the file open for
 * writing, and a mapping counts as open. It is given back at once. Who opens the file for writing in between makes
 * the kernel send a signal: one that is ignored unless it is wanted.
 */
static bool is_in_use(int folder, const char *name)
{
    int fd = raw_openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool used = raw_call(SYS_fcntl, fd, F_SETSIG, SIGURG) != 0 || raw_call(SYS_fcntl, fd, F_SETLEASE, F_RDLCK) != 0;
    raw_close(fd);
    return used;
}

/*
 * Not even the user may write to a segment by its name: the process has it mapped, and `truncate` or a shell's `>` would
 * end it (SIGBUS). Only a command that asks something of the process opens it for a moment (tools/segment).
 */
#define SEGMENT_MODE 0400

/* A file of that name is of an earlier program with this pid, or of a process of another pid namespace. */
static int make_file(int folder)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    char name[STORE_NAME_SIZE];
    store.namespace = 0;
    name_of(name, SEGMENT_SUFFIX);
    int fd = raw_openat(folder, name, flags, SEGMENT_MODE);
    if (fd >= 0 || errno != EEXIST)
        return fd;
    if (is_in_use(folder, name)) {
        store.namespace = own_namespace();
        if (!store.namespace)
            return -1;
        name_of(name, SEGMENT_SUFFIX);
    }
    raw_unlinkat(folder, name); /* this process before exec, or one that was killed */
    return raw_openat(folder, name, flags, SEGMENT_MODE);
}

static void *map_shared(int fd, size_t size)
{
    if (raw_ftruncate(fd, (off_t)size) != 0)
        return NULL;
    void *start = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    return start == MAP_FAILED ? NULL : start;
}

/* NULL with errno: there is no room. */
static void *map_file(int fd, size_t size, size_t at_once)
{
    void *start = map_shared(fd, size);
    if (!start)
        return NULL;
    int error = room_open(fd, start, size, at_once);
    if (error == 0)
        return start;
    raw_munmap(start, size);
    errno = error == -EFAULT ? ENOSPC : -error; /* what would have been SIGBUS: MADV_POPULATE_WRITE in madvise(2) */
    return NULL;
}

static struct runtime_user own_user(void)
{
    return (struct runtime_user){shim.uid, shim.session};
}

/* NULL with errno. */
static void *map_in_folder(enum runtime_folder which, size_t size, size_t at_once)
{
    const struct runtime_user user = own_user();
    char name[STORE_NAME_SIZE];
    int folder = runtime_folder_open(which, &user, true);
    if (folder < 0) {
        errno = -folder;
        return NULL;
    }
    int fd = make_file(folder);
    void *start = fd < 0 ? NULL : map_file(fd, size, at_once);
    int error = errno;
    if (fd >= 0)
        raw_close(fd);
    if (fd >= 0 && !start) {
        name_of(name, SEGMENT_SUFFIX);
        raw_unlinkat(folder, name);
    }
    raw_close(folder);
    store.has_file = start != NULL;
    store.folder = which;
    errno = error;
    return start;
}

/* A missing folder of the first two kinds is the ordinary case, and no reason to tell. */
static void *map_in_folders(size_t size, size_t at_once, int *ret_error)
{
    *ret_error = 0;
    for (enum runtime_folder which = 0; which < RUNTIME_FOLDERS; which++) {
        void *start = map_in_folder(which, size, at_once);
        if (start)
            return start;
        if (!*ret_error || *ret_error == ENOENT)
            *ret_error = errno;
    }
    return NULL;
}

/* --- memory --- */

static void *map_memfd(const char *name, size_t size)
{
    int fd = (int)raw_call(SYS_memfd_create, name, MFD_CLOEXEC);
    void *start = fd < 0 ? NULL : map_shared(fd, size);
    if (fd >= 0)
        raw_close(fd);
    return start;
}

static void *map_anonymous(const char *name, size_t size)
{
    void *start = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    if (start == MAP_FAILED)
        return NULL;
    raw_call(SYS_prctl, SET_VMA, SET_VMA_NAME, start, size, name); /* most kernels cannot, and it is found without */
    return start;
}

static void *map_memory(const char *kind, size_t size, int error, bool may_size)
{
    char name[STORE_NAME_SIZE];
    struct text_writer writer = {name, sizeof(name), 0};
    write_text(&writer, kind);
    write_number(&writer, (uint64_t)error, 0);
    void *start = may_size ? map_memfd(name, size) : NULL;
    return start ? start : map_anonymous(name, size);
}

/* ---- */

void *store_map(size_t size, size_t at_once)
{
    int saved = errno, error = EFBIG;
    bool may_size = raw_may_size(size);
    store.has_file = false;
    void *start = may_size ? map_in_folders(size, at_once, &error) : NULL;
    if (!start) {
        start = map_memory(SEGMENT_MEMORY_NAME, size, error, may_size);
        if (start)
            room_private(start, size);
    }
    errno = saved;
    return start;
}

static void *answer; /* in memory; NULL: none */
static size_t answer_size;

static void forget_answer(void)
{
    if (answer)
        raw_munmap(answer, answer_size);
    answer = NULL;
}

void *store_map_answer(const char *name, size_t size)
{
    forget_answer();
    answer = map_memory(name, size, 0, raw_may_size(size));
    answer_size = size;
    return answer;
}

void store_leave(void)
{
    forget_answer();
    store.has_file = false;
}

bool store_has_file(void)
{
    return store.has_file;
}

void store_remove(void)
{
    char name[STORE_NAME_SIZE];
    int saved = errno, folder = store_beside(SEGMENT_SUFFIX, name);
    if (folder >= 0) {
        raw_unlinkat(folder, name);
        raw_close(folder);
    }
    errno = saved;
}

int store_path(char *ret_path, size_t size)
{
    const struct runtime_user user = own_user();
    char path[RUNTIME_PATH_SIZE];
    struct text_writer writer = {ret_path, size, 0};
    if (!store.has_file || !runtime_folder_path(path, sizeof(path), store.folder, &user))
        return -ENOENT;
    write_text(&writer, path);
    write_char(&writer, '/');
    write_name(&writer, SEGMENT_SUFFIX);
    return writer.length + 1 < size ? 0 : -ENAMETOOLONG;
}

int store_beside(const char *suffix, char *ret_name)
{
    const struct runtime_user user = own_user();
    if (!store.has_file)
        return -1;
    name_of(ret_name, suffix);
    int folder = runtime_folder_open(store.folder, &user, false);
    return folder < 0 ? -1 : folder;
}
