#include "tools/segment/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/grow.h"
#include "tools/common/process.h"

/* --- one folder --- */

int folder_open_path(struct segment_folder *ret_folder, const char *path)
{
    struct segment_folder folder = {.fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status;
    if (folder.fd < 0)
        return -errno;
    int error = fstat(folder.fd, &status) == 0 ? 0 : -errno;
    if (error == 0 && (status.st_mode & 022))
        error = -EPERM;
    if (error < 0) {
        close(folder.fd);
        return error;
    }
    folder.uid = status.st_uid;
    snprintf(folder.path, sizeof(folder.path), "%s", path);
    *ret_folder = folder;
    return 0;
}

struct runtime_user folders_own_user(void)
{
    return (struct runtime_user){geteuid(), getenv("XDG_RUNTIME_DIR")};
}

static int open_one(struct segment_folder *ret_folder, enum runtime_folder which, const struct runtime_user *user)
{
    struct segment_folder folder = {.fd = runtime_folder_open(which, user, false), .uid = user->uid};
    if (folder.fd < 0)
        return folder.fd;
    runtime_folder_path(folder.path, sizeof(folder.path), which, user);
    *ret_folder = folder;
    return 0;
}

/* A user's session is where logind has it; the caller's own perhaps elsewhere. */
int folder_open(struct segment_folder *ret_folder, enum runtime_folder which, uid_t uid)
{
    char session[32];
    const struct runtime_user own = folders_own_user(), user = {uid, session};
    snprintf(session, sizeof(session), "/run/user/%u", (unsigned)uid);
    if (which == RUNTIME_OF_SESSION && uid == own.uid && own.session && open_one(ret_folder, which, &own) == 0)
        return 0;
    return open_one(ret_folder, which, &user);
}

void folder_close(struct segment_folder *folder)
{
    close(folder->fd);
    folder->fd = -1;
}

int folder_names(const struct segment_folder *folder, void (*visit)(void *context, const char *name), void *context)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names) {
        int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    struct dirent *entry;
    for (unsigned i = 0; i < FOLDER_NAMES_MOST && (entry = readdir(names)); i++)
        visit(context, entry->d_name);
    closedir(names);
    return 0;
}

/* --- users --- */

struct users {
    uid_t *items;
    size_t count, room;
};

static int add(struct users *users, uid_t uid)
{
    if (users->count && users->items[users->count - 1] == uid)
        return 0; /* most processes have the user of the one before */
    uid_t *items = grow(users->items, &users->room, users->count, sizeof(*items));
    if (!items)
        return -ENOMEM;
    users->items = items;
    users->items[users->count++] = uid;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uid_t one = *(const uid_t *)a, other = *(const uid_t *)b;
    return one < other ? -1 : one > other;
}

static void drop_repeated(struct users *users)
{
    size_t kept = 0;
    qsort(users->items, users->count, sizeof(*users->items), ascending);
    for (size_t i = 0; i < users->count; i++)
        if (kept == 0 || users->items[kept - 1] != users->items[i])
            users->items[kept++] = users->items[i];
    users->count = kept;
}

/* The owner of /proc/PID is the effective user, but root's where the process may not be looked into. */
static int add_users_of(struct users *users, int proc, const char *name)
{
    struct stat status;
    struct process_users of;
    pid_t pid = parse_pid(name);
    if (!pid || fstatat(proc, name, &status, 0) != 0)
        return 0;
    if (status.st_uid != 0)
        return add(users, status.st_uid);
    if (process_users(pid, &of) < 0)
        return 0;
    int error = add(users, of.real);
    return error == 0 ? add(users, of.effective) : error;
}

int folder_users(uid_t **ret_users, size_t *ret_count)
{
    struct users users = {0};
    DIR *proc = opendir("/proc");
    int error = add(&users, 0);
    if (error == 0)
        error = add(&users, geteuid());
    for (struct dirent *entry; error == 0 && proc && (entry = readdir(proc));)
        error = add_users_of(&users, dirfd(proc), entry->d_name);
    if (proc)
        closedir(proc);
    if (error < 0) {
        free(users.items);
        return error;
    }
    drop_repeated(&users);
    *ret_users = users.items;
    *ret_count = users.count;
    return 0;
}
