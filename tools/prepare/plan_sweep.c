#include "tools/prepare/plan_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/grow.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/segment_layout.h"
#include "tools/prepare/plan_file.h"
#include "tools/segment/outside_record.h"
#include "tools/segment/segment_file.h"

#define ENDING ".plan"
#define ENVIRONMENT                                                                                                    \
    ((size_t)2 << 20) /* bytes of one that are looked through: the most that execve(2) takes by default */

struct plan {
    char *name;  /* with a share's number or ".tmp" behind ENDING, or not */
    size_t base; /* length of the name up to ENDING and with it: of the policy's own plan */
    time_t used;
};

struct plans {
    struct plan *items;
    size_t count, room;
};

/* Length of a plan's name without what stands behind ENDING; 0: it is none. */
static size_t base_of(const char *name)
{
    const char *end = strstr(name, ENDING);
    return end ? (size_t)(end - name) + sizeof(ENDING) - 1 : 0;
}

/* Takes the name. */
static void add(struct plans *plans, char *name, time_t used)
{
    struct plan *items = name ? grow(plans->items, &plans->room, plans->count, sizeof(*items)) : NULL;
    if (!items) {
        free(name);
        return;
    }
    plans->items = items;
    plans->items[plans->count++] = (struct plan){name, base_of(name), used};
}

static void plans_free(struct plans *plans)
{
    for (size_t i = 0; i < plans->count; i++)
        free(plans->items[i].name);
    free(plans->items);
}

static int by_name(const void *a, const void *b)
{
    const struct plan *one = a, *other = b;
    return strcmp(one->name, other->name);
}

static int newest_first(const void *a, const void *b)
{
    const struct plan *one = a, *other = b;
    return one->used > other->used ? -1 : one->used < other->used;
}

/* --- what there is --- */

/* Calls visit for the names in the folder, at most PLANS_MOST. */
static void each_name(int folder, void (*visit)(void *context, int folder, const char *name), void *context)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    if (!names && again >= 0)
        close(again);
    unsigned left = PLANS_MOST;
    for (const struct dirent *entry; names && left > 0 && (entry = readdir(names)); left--)
        visit(context, folder, entry->d_name);
    if (names)
        closedir(names);
}

static void list_plan(void *context, int folder, const char *name)
{
    struct stat status;
    if (base_of(name) && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
        add(context, strdup(name), status.st_mtime);
}

/* One for each policy's own plan: its shares were used when it was. What has no such plan stands for itself. */
static void list_groups(const struct plans *plans, struct plans *ret_groups)
{
    const struct plan *last = NULL;
    for (size_t i = 0; i < plans->count; i++) {
        const struct plan *plan = &plans->items[i];
        if (last && last->base == plan->base && strncmp(last->name, plan->name, plan->base) == 0)
            continue;
        last = plan;
        add(ret_groups, strndup(plan->name, plan->base), plan->used);
    }
}

/* --- what is used --- */

static void note_path(struct plans *used, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t base = slash ? base_of(slash + 1) : 0;
    if (base)
        add(used, strndup(slash + 1, base), 0);
}

/* Where the segment begins in a file of that name; negative: it is none. */
static off_t segment_begin(int fd, bool outside)
{
    struct outside_head head;
    struct stat status;
    if (!outside)
        return 0;
    if (fstat(fd, &status) != 0 || pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        outside_check_head(&head, (size_t)status.st_size) < 0)
        return -1;
    return (off_t)outside_segment_offset(&head);
}

static void note_segment(void *context, int folder, const char *name)
{
    char path[sizeof(((struct segment_header *)NULL)->plan_path)];
    int fd = segment_pid_of(name) ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    off_t begin = segment_begin(fd, segment_name_is_outside(name));
    if (begin >= 0 && pread(fd, path, sizeof(path), begin + (off_t)offsetof(struct segment_header, plan_path)) ==
                          (ssize_t)sizeof(path)) {
        path[sizeof(path) - 1] = '\0';
        note_path(context, path);
    }
    close(fd);
}

/* text: ENVIRONMENT + 1 bytes to work with. */
static void note_process(struct plans *used, int folder, char *text)
{
    static const char key[] = "NODEWISE_PLAN=";
    size_t length = 0;
    int fd = openat(folder, "environ", O_RDONLY | O_CLOEXEC);
    ssize_t count;
    if (fd < 0)
        return; /* not this user's, or it hides itself: its segment is what tells */
    while (length < ENVIRONMENT && (count = read(fd, text + length, ENVIRONMENT - length)) > 0)
        length += (size_t)count;
    close(fd);
    text[length] = '\0';
    for (const char *entry = text; entry < text + length; entry += strlen(entry) + 1)
        if (strncmp(entry, key, sizeof(key) - 1) == 0)
            note_path(used, entry + sizeof(key) - 1);
}

/* false: that cannot be known. */
static bool note_processes(struct plans *used)
{
    DIR *processes = opendir("/proc");
    char *text = malloc(ENVIRONMENT + 1);
    unsigned left = PLANS_MOST;
    bool seen = false;
    for (const struct dirent *entry; processes && text && left > 0 && (entry = readdir(processes));) {
        if (*entry->d_name < '1' || *entry->d_name > '9')
            continue;
        left--;
        int folder = openat(dirfd(processes), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
            continue;
        seen = true;
        note_process(used, folder, text);
        close(folder);
    }
    if (processes)
        closedir(processes);
    free(text);
    return seen && left > 0;
}

static bool list_used(struct plans *ret_used)
{
    const struct runtime_user user = {geteuid(), getenv("XDG_RUNTIME_DIR")};
    for (unsigned which = 0; which < RUNTIME_FOLDERS; which++) {
        int folder = runtime_folder_open((enum runtime_folder)which, &user, false);
        if (folder < 0)
            continue;
        each_name(folder, note_segment, ret_used);
        close(folder);
    }
    if (!note_processes(ret_used))
        return false;
    if (ret_used->count)
        qsort(ret_used->items, ret_used->count, sizeof(*ret_used->items), by_name);
    return true;
}

/* --- removing --- */

/* The policy's own first: where that is, its shares are. */
static void remove_group(int folder, const struct plans *plans, const struct plan *group, time_t before)
{
    if (!plan_file_remove_old(folder, group->name, before) && faccessat(folder, group->name, F_OK, 0) == 0)
        return;
    for (size_t i = 0; i < plans->count; i++)
        if (plans->items[i].base == group->base && strncmp(plans->items[i].name, group->name, group->base) == 0)
            plan_file_remove_old(folder, plans->items[i].name, before);
}

/* groups: the newest first. */
static void remove_unused(int folder, const struct plans *plans, const struct plans *groups, time_t now)
{
    struct plans used = {0};
    bool known = false;
    for (size_t i = 0; i < groups->count; i++) {
        const struct plan *group = &groups->items[i];
        if (group->used >= now - PLANS_RECENT || (i < PLANS_KEPT && group->used >= now - PLANS_OLD))
            continue;
        if (!known && !list_used(&used))
            break;
        known = true;
        if (!used.count || !bsearch(group, used.items, used.count, sizeof(*used.items), by_name))
            remove_group(folder, plans, group, now - PLANS_RECENT);
    }
    plans_free(&used);
}

static void sweep(int folder)
{
    struct plans plans = {0}, groups = {0};
    each_name(folder, list_plan, &plans);
    if (plans.count) {
        qsort(plans.items, plans.count, sizeof(*plans.items), by_name);
        list_groups(&plans, &groups);
    }
    if (groups.count)
        qsort(groups.items, groups.count, sizeof(*groups.items), newest_first);
    remove_unused(folder, &plans, &groups, time(NULL));
    plans_free(&groups);
    plans_free(&plans);
}

void plan_sweep(const char *plan_path)
{
    const char *slash = strrchr(plan_path, '/');
    char *path = slash ? strndup(plan_path, (size_t)(slash - plan_path)) : NULL;
    int folder = path ? open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    free(path);
    if (folder < 0)
        return;
    sweep(folder);
    close(folder);
}
