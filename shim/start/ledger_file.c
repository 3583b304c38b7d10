#include "shim/start/ledger_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/base/thread.h"
#include "shim/sys/raw.h"

#define LOCK_PAUSE   (NS_PER_MS / 20)             /* first pause */
#define LOCK_LONG    (2 * NS_PER_MS)              /* longest pause */
#define LOCK_MOST    (LEDGER_WAIT_MS * NS_PER_MS) /* limit of all pauses together, for the file that is found first */
#define LOCK_AGAIN   (3 * NS_PER_MS)              /* and for one that took its place */
#define ROUNDS       3u
#define COPY_IS_LEFT 2           /* s: a copy that is older than that has a maker that is stopped, or died */
#define FOREIGN_LIFE (24 * 3600) /* s */
#define NAME_SIZE    48u

/* --- processes --- */

/* The number that the link in /proc names; 0: there is no /proc. */
static uint64_t number_of_namespace(const char *link)
{
    struct stat info;
    return raw_call(SYS_newfstatat, AT_FDCWD, link, &info, 0) == 0 ? (uint64_t)info.st_ino : 0;
}

static uint32_t seconds_now(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_sec;
}

static void describe_self(struct ledger_process *ret_self)
{
    /* a time namespace has start times of its own */
    uint64_t space = number_of_namespace("/proc/self/ns/pid") | number_of_namespace("/proc/self/ns/time") << 32;
    *ret_self = (struct ledger_process){(uint32_t)shim.pid, seconds_now(), facts_start_ticks(0), space};
}

static struct ledger_process self;

/*
 * A process of other namespaces cannot be looked up. It gives its place back when it ends; where it was killed, those of
 * its namespaces notice. When these are gone, too, its place is free after a day.
 */
static bool foreign_lives(const struct ledger_process *process)
{
    int32_t age = (int32_t)(self.since - process->since);
    return age < FOREIGN_LIFE && age > -FOREIGN_LIFE;
}

static bool is_alive(const struct ledger_process *process, bool closely)
{
    if (process->space != self.space)
        return foreign_lives(process);
    if (raw_call(SYS_kill, (pid_t)process->pid, 0) != 0 && errno == ESRCH)
        return false;
    if (!closely || !process->ticks)
        return true;
    uint64_t now = facts_start_ticks(process->pid);
    return !now || now == process->ticks; /* 0: /proc hides the process (another user's), but kill(2) found it */
}

/* --- the file --- */

struct handle {
    int fd;
    uint64_t limit;   /* bytes: RLIMIT_FSIZE, behind which a write is SIGXFSZ */
    struct stat info; /* tells whether another file has taken its place */
};

static long read_file(void *context, uint64_t offset, void *ret_data, size_t size)
{
    const struct handle *handle = context;
    long count = raw_call(SYS_pread64, handle->fd, ret_data, size, offset);
    return count < 0 ? -errno : count;
}

static int write_file(void *context, uint64_t offset, const void *data, size_t size)
{
    const struct handle *handle = context;
    if (size > handle->limit || offset > handle->limit - size)
        return -EFBIG;
    long count = raw_call(SYS_pwrite64, handle->fd, data, size, offset);
    return count < 0 ? -errno : (size_t)count == size ? 0 : -ENOSPC;
}

static struct ledger_scratch scratch;

static struct ledger_file file_of(struct handle *handle)
{
    return (struct ledger_file){read_file, write_file, handle, &scratch};
}

static int open_in(int folder, const char *name, int more, struct handle *ret_handle)
{
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    struct rlimit limit;
    int fd = raw_openat(folder, name, flags | more, 0600);
    if (fd < 0)
        return -errno;
    if (raw_fstat(fd, &ret_handle->info) == 0 && S_ISREG(ret_handle->info.st_mode) &&
        ret_handle->info.st_uid == shim.uid && raw_limit(RLIMIT_FSIZE, &limit) == 0) {
        if ((ret_handle->info.st_mode & 0777) != 0600) /* a umask that takes the user's own rights away */
            raw_chmodat(folder, name, 0600);
        ret_handle->fd = fd;
        ret_handle->limit = limit.rlim_cur;
        return 0;
    }
    raw_close(fd);
    return -EACCES;
}

static void name_of(uint64_t policy_id, const char *ending, char *ret_name)
{
    struct text_writer writer = {ret_name, NAME_SIZE, 0};
    *ret_name = '\0';
    write_number(&writer, policy_id, 0);
    write_text(&writer, ending);
}

static bool is_in_place(int folder, const char *name, const struct handle *handle)
{
    struct stat info;
    return raw_call(SYS_newfstatat, folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           info.st_ino == handle->info.st_ino && info.st_dev == handle->info.st_dev;
}

/* --- the lock --- */

static bool lock(int fd, uint64_t most)
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

static void remove_left_copy(int folder, const char *name)
{
    struct stat info;
    if (raw_call(SYS_newfstatat, folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        (int32_t)(self.since - (uint32_t)info.st_mtime) > COPY_IS_LEFT)
        raw_unlinkat(folder, name);
}

/*
 * Puts a copy in the place of a file whose lock is not to be had. Of several processes one makes it, as only one can
 * create the copy's name. What the holder is writing comes into the copy when it is complete.
 */
static bool replace(int folder, uint64_t policy_id, struct handle *stuck, uint32_t shares)
{
    char name[NAME_SIZE], copy[NAME_SIZE];
    struct handle fresh;
    name_of(policy_id, ".ledger", name);
    name_of(policy_id, ".ledger-copy", copy);
    remove_left_copy(folder, copy);
    if (open_in(folder, copy, O_EXCL, &fresh) != 0)
        return false;
    struct ledger_file from = file_of(stuck), to = file_of(&fresh);
    bool done = is_in_place(folder, name, stuck) && ledger_copy(&from, &to, shares) == 0 &&
                raw_call(SYS_renameat2, folder, copy, folder, name, 0) == 0;
    if (!done)
        raw_unlinkat(folder, copy);
    raw_close(fresh.fd);
    return done;
}

/* --- what a process does --- */

struct wish {
    int folder;
    uint64_t policy_id;
    const struct ledger_deal *deal;
    struct ledger_dead dead;
    bool replaced;
};

/* -EAGAIN: another file has taken this one's place. -EBUSY: the lock is not to be had. */
static int claim_in(struct wish *wish, const char *name, struct handle *handle, uint64_t most,
                    struct ledger_place *ret_place)
{
    struct ledger_file file = file_of(handle);
    if (!lock(handle->fd, most)) {
        if (!is_in_place(wish->folder, name, handle))
            return -EAGAIN;
        if (!replace(wish->folder, wish->policy_id, handle, wish->deal->shares))
            return -EBUSY;
        wish->replaced = true;
        return -EAGAIN;
    }
    int error = ledger_claim(&file, &self, wish->deal, &wish->dead, ret_place);
    return error || is_in_place(wish->folder, name, handle) ? error : -EAGAIN;
}

static int claim_somewhere(struct wish *wish, struct ledger_place *ret_place)
{
    char name[NAME_SIZE];
    struct handle handle;
    int error = -EBUSY;
    name_of(wish->policy_id, ".ledger", name);
    for (unsigned round = 0; round < ROUNDS && (error == -EAGAIN || error == -EBUSY); round++) {
        error = open_in(wish->folder, name, 0, &handle);
        if (error)
            break;
        struct ledger_file file = file_of(&handle);
        if (!round)
            ledger_look(&file, self.pid, is_alive, &wish->dead); /* before the lock, which is held for a moment only */
        error = claim_in(wish, name, &handle, round ? LOCK_AGAIN : LOCK_MOST, ret_place);
        raw_close(handle.fd); /* unlocks it as well */
    }
    return error;
}

static enum runtime_folder folder_in_use; /* where this process's place is */

static int open_folder(enum runtime_folder which)
{
    const struct runtime_user user = {shim.uid, shim.session};
    return runtime_folder_open(which, &user, true);
}

/* The ledger is in the first runtime folder that has room for it: all processes of a user find the same one. */
static int claim_in_some_folder(struct wish *wish, struct ledger_place *ret_place)
{
    int error = -ENOENT;
    for (enum runtime_folder which = 0; which < RUNTIME_FOLDERS; which++) {
        wish->folder = open_folder(which);
        if (wish->folder < 0)
            continue;
        error = claim_somewhere(wish, ret_place);
        raw_close(wish->folder);
        folder_in_use = which;
        if (!error || error == -EBUSY || error == -EAGAIN)
            break;
    }
    return error;
}

enum reason ledger_file_claim(uint64_t policy_id, const struct ledger_deal *deal, struct ledger_place *ret_place)
{
    struct wish wish = {.policy_id = policy_id, .deal = deal};
    describe_self(&self);
    int error = claim_in_some_folder(&wish, ret_place);
    return error ? REASON_NO_LEDGER : wish.replaced ? REASON_LEDGER_REPLACED : REASON_OK;
}

void ledger_file_release(uint64_t policy_id, uint32_t shares)
{
    char name[NAME_SIZE];
    struct handle handle;
    int folder = open_folder(folder_in_use);
    if (folder < 0)
        return;
    name_of(policy_id, ".ledger", name);
    if (open_in(folder, name, 0, &handle) == 0) {
        struct ledger_file file = file_of(&handle);
        if (lock(handle.fd, NS_PER_MS))
            ledger_release(&file, &self, shares);
        raw_close(handle.fd);
    }
    raw_close(folder);
}
