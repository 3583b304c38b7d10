#include "shim/start/ledger_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/peer.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/shared_file.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/base/thread.h"
#include "shim/sys/raw.h"

#define LOCK_MOST    (LEDGER_WAIT_MS * NS_PER_MS) /* limit of all pauses together, for the file that is found first */
#define LOCK_AGAIN   (3 * NS_PER_MS)              /* and for one that took its place */
#define ROUNDS       3u
#define COPY_IS_LEFT 2 /* s: a copy that is older than that has a maker that is stopped, or died */
#define NAME_SIZE    48u

static struct ledger_process self;
static struct ledger_scratch scratch;

static struct ledger_file file_of(struct shared_file *handle)
{
    return (struct ledger_file){shared_file_read, shared_file_write, handle, &scratch};
}

static void name_of(uint64_t policy_id, const char *ending, char *ret_name)
{
    struct text_writer writer = {ret_name, NAME_SIZE, 0};
    *ret_name = '\0';
    write_number(&writer, policy_id, 0);
    write_text(&writer, ending);
}

/* --- the lock --- */

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
static bool replace(int folder, uint64_t policy_id, struct shared_file *stuck, uint32_t shares)
{
    char name[NAME_SIZE], copy[NAME_SIZE];
    struct shared_file fresh;
    name_of(policy_id, ".ledger", name);
    name_of(policy_id, ".ledger-copy", copy);
    remove_left_copy(folder, copy);
    if (shared_file_open(folder, copy, O_EXCL, &fresh) != 0)
        return false;
    struct ledger_file from = file_of(stuck), to = file_of(&fresh);
    bool done = shared_file_is_in_place(folder, name, stuck) && ledger_copy(&from, &to, shares) == 0 &&
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
static int claim_in(struct wish *wish, const char *name, struct shared_file *handle, uint64_t most,
                    struct ledger_place *ret_place)
{
    struct ledger_file file = file_of(handle);
    if (!shared_file_lock(handle->fd, most)) {
        if (!shared_file_is_in_place(wish->folder, name, handle))
            return -EAGAIN;
        if (!replace(wish->folder, wish->policy_id, handle, wish->deal->shares))
            return -EBUSY;
        wish->replaced = true;
        return -EAGAIN;
    }
    int error = ledger_claim(&file, &self, wish->deal, &wish->dead, ret_place);
    return error || shared_file_is_in_place(wish->folder, name, handle) ? error : -EAGAIN;
}

static int claim_somewhere(struct wish *wish, struct ledger_place *ret_place)
{
    char name[NAME_SIZE];
    struct shared_file handle;
    int error = -EBUSY;
    name_of(wish->policy_id, ".ledger", name);
    for (unsigned round = 0; round < ROUNDS && (error == -EAGAIN || error == -EBUSY); round++) {
        error = shared_file_open(wish->folder, name, 0, &handle);
        if (error)
            break;
        struct ledger_file file = file_of(&handle);
        if (!round)
            ledger_look(&file, self.pid, peer_is_alive,
                        &wish->dead); /* before the lock, which is held for a moment only */
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
    peer_describe_self(&self);
    int error = claim_in_some_folder(&wish, ret_place);
    return error ? REASON_NO_LEDGER : wish.replaced ? REASON_LEDGER_REPLACED : REASON_OK;
}

void ledger_file_release(uint64_t policy_id, uint32_t shares)
{
    char name[NAME_SIZE];
    struct shared_file handle;
    int folder = open_folder(folder_in_use);
    if (folder < 0)
        return;
    name_of(policy_id, ".ledger", name);
    if (shared_file_open(folder, name, 0, &handle) == 0) {
        struct ledger_file file = file_of(&handle);
        if (shared_file_lock(handle.fd, NS_PER_MS))
            ledger_release(&file, &self, shares);
        raw_close(handle.fd);
    }
    raw_close(folder);
}
