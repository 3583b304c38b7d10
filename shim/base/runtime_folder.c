#include "shim/base/runtime_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shim/base/text_writer.h"
#include "shim/sys/raw.h"

#define NAME_IN_SESSION "nodewise"
/* linux/magic.h */
#define FILES_TMPFS 0x01021994
#define FILES_RAMFS 0x858458f6

static const int open_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

static bool session_is_usable(const struct runtime_user *user)
{
    return user->session && *user->session == '/' &&
           strlen(user->session) + sizeof("/" NAME_IN_SESSION) <= RUNTIME_PATH_SIZE;
}

bool runtime_folder_path(char *ret_path, size_t size, enum runtime_folder which, const struct runtime_user *user)
{
    struct text_writer writer = {ret_path, size, 0};
    switch (which) {
    case RUNTIME_OF_ROOT:
        write_text(&writer, RUNTIME_OF_ROOT_PATH);
        return user->uid == 0;
    case RUNTIME_OF_SESSION:
        if (!session_is_usable(user))
            return false;
        write_text(&writer, user->session);
        write_text(&writer, "/" NAME_IN_SESSION);
        return true;
    case RUNTIME_SHARED:
        write_text(&writer, RUNTIME_SHARED_PREFIX);
        write_number(&writer, user->uid, 0);
        return true;
    case RUNTIME_FOLDERS:
        break;
    }
    return false;
}

static bool is_own(int fd, uint32_t uid)
{
    struct stat info;
    return raw_fstat(fd, &info) == 0 && info.st_uid == uid && !(info.st_mode & 022);
}

static int proven(int fd, uint32_t uid)
{
    if (fd < 0)
        return -errno;
    if (is_own(fd, uid))
        return fd;
    raw_close(fd);
    return -EPERM;
}

/* path is relative to the open folder parent. */
static int open_or_make(int parent, const char *path, uint32_t uid, bool make)
{
    /* root's daemons read their plans in this folder after they have dropped their privileges */
    const mode_t mode = uid == 0 ? 0711 : 0700;
    int fd = raw_openat(parent, path, open_flags, 0);
    if (fd < 0 && errno == ENOENT && make) {
        if (raw_mkdirat(parent, path, mode) == 0)
            raw_chmodat(parent, path, mode); /* restores the bits that the umask removed */
        else if (errno != EEXIST)
            return -errno;
        fd = raw_openat(parent, path, open_flags, 0);
    }
    return proven(fd, uid);
}

/* On a disk, writing a segment would be disk traffic, and a page that the disk has no room for SIGBUS at any time. */
static bool is_memory(int fd)
{
    struct statfs info;
    return raw_call(SYS_fstatfs, fd, &info) == 0 &&
           ((uint32_t)info.f_type == FILES_TMPFS || (uint32_t)info.f_type == FILES_RAMFS);
}

/* The folder is taken through the opened session's, so no process can exchange the latter in between. */
static int open_in_session(const struct runtime_user *user, bool make)
{
    int session = proven(raw_open(user->session, open_flags & ~O_NOFOLLOW), user->uid);
    if (session < 0)
        return session;
    int fd = is_memory(session) ? open_or_make(session, NAME_IN_SESSION, user->uid, make) : -EOPNOTSUPP;
    raw_close(session);
    return fd;
}

int runtime_folder_open(enum runtime_folder which, const struct runtime_user *user, bool make)
{
    char path[RUNTIME_PATH_SIZE];
    if (!runtime_folder_path(path, sizeof(path), which, user))
        return -ENOENT;
    if (which == RUNTIME_OF_SESSION)
        return open_in_session(user, make);
    return open_or_make(AT_FDCWD, path, user->uid, make && which != RUNTIME_OF_ROOT);
}
