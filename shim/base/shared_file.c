#include "shim/base/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/sys/raw.h"

#define LOCK_PAUSE (NS_PER_MS / 20) /* first pause */
#define LOCK_LONG  (2 * NS_PER_MS)  /* longest pause */

long shared_file_read(void *context, uint64_t offset, void *ret_data, size_t size)
{
    const struct shared_file *file = context;
    long count = raw_call(SYS_pread64, file->fd, ret_data, size, offset);
    return count < 0 ? -errno : count;
}

int shared_file_write(void *context, uint64_t offset, const void *data, size_t size)
{
    const struct shared_file *file = context;
    if (size > file->limit || offset > file->limit - size)
        return -EFBIG;
    long count = raw_call(SYS_pwrite64, file->fd, data, size, offset);
    return count < 0 ? -errno : (size_t)count == size ? 0 : -ENOSPC;
}

int shared_file_open(int folder, const char *name, int more, struct shared_file *ret_file)
{
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    struct rlimit limit;
    int fd = raw_openat(folder, name, flags | more, 0600);
    if (fd < 0)
        return -errno;
    if (raw_fstat(fd, &ret_file->info) == 0 && S_ISREG(ret_file->info.st_mode) && ret_file->info.st_uid == shim.uid &&
        raw_limit(RLIMIT_FSIZE, &limit) == 0) {
        if ((ret_file->info.st_mode & 0777) != 0600) /* a umask that takes the user's own rights away */
            raw_chmodat(folder, name, 0600);
        ret_file->fd = fd;
        ret_file->limit = limit.rlim_cur;
        return 0;
    }
    raw_close(fd);
    return -EACCES;
}

bool shared_file_is_in_place(int folder, const char *name, const struct shared_file *file)
{
    struct stat info;
    return raw_call(SYS_newfstatat, folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           info.st_ino == file->info.st_ino && info.st_dev == file->info.st_dev;
}

bool shared_file_lock(int fd, uint64_t most)
{
    uint64_t pause = LOCK_PAUSE, waited = 0;
    while (raw_call(SYS_flock, fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= most)
            return false;
        sleep_ns(pause);
        waited += pause;
        if (pause < LOCK_LONG)
            pause *= 2;
    }
    return true;
}
