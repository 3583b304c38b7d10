#include "tools/segment/segments.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/grow.h"
#include "shim/base/segment_layout.h"
#include "tools/common/process.h"
#include "tools/segment/memory.h"
#include "tools/segment/outside_record.h"

#define STRANGERS_MOST 256u               /* of one folder, in one look */
#define NAMES_MOST     64u                /* of pid namespaces that share a folder, for one number */
#define MAPPINGS_MOST  ((size_t)64 << 20) /* bytes of /proc/PID/maps of all processes of one user, in one look */

/* --- one --- */

struct search {
    pid_t pid;
    struct segment_file left; /* of an earlier process */
    bool has_left;
    int error; /* the one that is worth telling */
};

/* true: this is the one that the process holds. */
static bool try_name(struct search *search, enum runtime_folder which, uid_t user, const char *name,
                     struct segment_file *ret_file)
{
    struct segment_folder folder;
    struct segment_file file;
    if (folder_open(&folder, which, user) < 0)
        return false;
    int error = segment_open_in(&file, &folder, name, &(unsigned){1});
    if (error < 0)
        folder_close(&folder);
    if (error == -EACCES)
        search->error = error;
    if (error < 0)
        return false;
    if (file.is_held) {
        *ret_file = file;
        return true;
    }
    if (file.from_outside) { /* of a process that is gone: nothing of it is left that a view could show */
        segment_close(&file);
        return false;
    }
    if (search->has_left)
        segment_close(&search->left);
    search->left = file;
    search->has_left = true;
    return false;
}

/* Names of processes of that number in other pid namespaces, and perhaps in this one. */
struct names {
    pid_t pid;
    bool outside; /* of records of `nodewise apply` */
    char items[NAMES_MOST][SEGMENT_STEM + sizeof(OUTSIDE_SUFFIX)];
    size_t count;
};

static void note_name(void *context, const char *name)
{
    struct names *names = context;
    if (names->count < NAMES_MOST && segment_pid_of(name) == names->pid && strchr(name, '-') &&
        segment_name_is_outside(name) == names->outside)
        snprintf(names->items[names->count++], sizeof(names->items[0]), "%s", name);
}

static bool try_names(struct search *search, enum runtime_folder which, uid_t user, bool outside,
                      struct segment_file *ret_file)
{
    struct names names = {.pid = search->pid, .outside = outside};
    struct segment_folder folder;
    if (folder_open(&folder, which, user) < 0)
        return false;
    folder_names(&folder, note_name, &names);
    folder_close(&folder);
    for (size_t i = 0; i < names.count; i++)
        if (try_name(search, which, user, names.items[i], ret_file))
            return true;
    return false;
}

static bool search_users(struct search *search, const uid_t *users, size_t count, bool outside,
                         struct segment_file *ret_file)
{
    char name[SEGMENT_STEM];
    snprintf(name, sizeof(name), "%d%s", (int)search->pid, outside ? OUTSIDE_SUFFIX : SEGMENT_SUFFIX);
    for (size_t i = 0; i < count; i++)
        for (unsigned which = 0; which < RUNTIME_FOLDERS; which++)
            if (try_name(search, which, users[i], name, ret_file))
                return true;
    for (size_t i = 0; i < count; i++)
        for (unsigned which = 0; which < RUNTIME_FOLDERS; which++)
            if (try_names(search, which, users[i], outside, ret_file))
                return true;
    return false;
}

/* What the process runs as comes first. One that is gone may have been anybody's. */
static int users_for(pid_t pid, uid_t **ret_users, size_t *ret_count)
{
    struct process_users of;
    if (process_users(pid, &of) < 0)
        return folder_users(ret_users, ret_count);
    uid_t users[] = {of.effective, of.real, of.saved, 0, geteuid()};
    *ret_users = malloc(sizeof(users));
    if (!*ret_users)
        return -ENOMEM;
    memcpy(*ret_users, users, sizeof(users));
    *ret_count = sizeof(users) / sizeof(*users);
    return 0;
}

int segment_find(struct segment_file *ret_file, pid_t pid)
{
    struct search search = {.pid = pid, .error = -ESRCH};
    uid_t *users;
    size_t count;
    int error = users_for(pid, &users, &count);
    if (error < 0)
        return error;
    bool found = search_users(&search, users, count, false, ret_file) ||
                 memory_open(ret_file, pid, &(size_t){MEMORY_MOST}) == 0 ||
                 search_users(&search, users, count, true, ret_file);
    free(users);
    if (search.has_left && found)
        segment_close(&search.left);
    else if (search.has_left)
        *ret_file = search.left;
    return found || search.has_left ? 0 : search.error;
}

/* --- all --- */

struct place {
    enum runtime_folder which;
    uid_t user;
    unsigned strangers_left;
};

struct entry {
    char *name;
    size_t place; /* index in list.places */
};

struct list {
    struct place *places;
    size_t place_count;
    struct entry *items;
    size_t count, room;
    bool failed;
};

static void add_name(void *context, const char *name)
{
    struct list *list = context;
    if (!segment_pid_of(name))
        return;
    struct entry *items = grow(list->items, &list->room, list->count, sizeof(*items));
    if (!items) {
        list->failed = true;
        return;
    }
    list->items = items;
    char *copy = strdup(name);
    if (copy)
        list->items[list->count++] = (struct entry){copy, list->place_count};
    list->failed = list->failed || !copy;
}

static int by_pid(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    pid_t first = segment_pid_of(one->name), second = segment_pid_of(other->name);
    return first < second ? -1 : first > second;
}

static void add_folder(struct list *list, enum runtime_folder which, uid_t user)
{
    struct segment_folder folder;
    if (folder_open(&folder, which, user) < 0)
        return;
    folder_names(&folder, add_name, list);
    folder_close(&folder);
    list->places[list->place_count++] = (struct place){which, user, STRANGERS_MOST};
}

static int list_make(struct list *ret_list, const uid_t *users, size_t count)
{
    struct list list = {.places = calloc(count * RUNTIME_FOLDERS, sizeof(*list.places))};
    list.failed = !list.places;
    for (size_t i = 0; !list.failed && i < count; i++)
        for (unsigned which = 0; which < RUNTIME_FOLDERS; which++)
            add_folder(&list, which, users[i]);
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), by_pid);
    *ret_list = list;
    return list.failed ? -ENOMEM : 0;
}

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].name);
    free(list->items);
    free(list->places);
}

/* One folder and one file are open at a time, however many there are. true: it was visited. */
static bool visit_entry(struct list *list, const struct entry *entry, bool held,
                        void (*visit)(void *context, const struct segment_file *file), void *context)
{
    struct place *place = &list->places[entry->place];
    struct segment_folder folder;
    struct segment_file file;
    if (folder_open(&folder, place->which, place->user) < 0)
        return false;
    if (segment_open_in(&file, &folder, entry->name, &place->strangers_left) < 0) {
        folder_close(&folder);
        return false;
    }
    bool wanted = file.is_held == held;
    if (wanted)
        visit(context, &file);
    segment_close(&file);
    return wanted;
}

/* --- all that live --- */

struct living {
    pid_t *pids; /* ascending */
    size_t count, room;
    const uid_t *users; /* ascending */
    size_t *mappings;   /* of each user, the bytes that may still be looked through */
    size_t user_count;
};

static int by_number(const void *a, const void *b)
{
    pid_t one = *(const pid_t *)a, other = *(const pid_t *)b;
    return one < other ? -1 : one > other;
}

static int by_user(const void *a, const void *b)
{
    uid_t one = *(const uid_t *)a, other = *(const uid_t *)b;
    return one < other ? -1 : one > other;
}

static int add_pid(struct living *living, pid_t pid)
{
    pid_t *pids = grow(living->pids, &living->room, living->count, sizeof(*pids));
    if (!pids)
        return -ENOMEM;
    living->pids = pids;
    living->pids[living->count++] = pid;
    return 0;
}

static int list_pids(struct living *living)
{
    DIR *proc = opendir("/proc");
    int error = 0;
    for (const struct dirent *entry; error == 0 && proc && (entry = readdir(proc));)
        if (parse_pid(entry->d_name))
            error = add_pid(living, parse_pid(entry->d_name));
    if (proc)
        closedir(proc);
    if (living->count)
        qsort(living->pids, living->count, sizeof(*living->pids), by_number);
    return error;
}

/* One user's many mappings are no reason not to see another's. NULL: a user that came after the list was made. */
static size_t *mappings_of(const struct living *living, pid_t pid)
{
    struct process_users of;
    if (process_users(pid, &of) < 0)
        return NULL;
    const uid_t *user = bsearch(&of.effective, living->users, living->user_count, sizeof(*user), by_user);
    return user ? &living->mappings[user - living->users] : NULL;
}

static bool visit_memory(const struct living *living, pid_t pid,
                         void (*visit)(void *context, const struct segment_file *file), void *context)
{
    struct segment_file file;
    size_t *left = mappings_of(living, pid);
    if (!left || memory_open(&file, pid, left) < 0)
        return false;
    visit(context, &file);
    segment_close(&file);
    return true;
}

/* Entries of one process; outside: those of `nodewise apply`, of which one counts. */
static bool visit_entries(struct list *list, size_t first, size_t end, bool outside,
                          void (*visit)(void *context, const struct segment_file *file), void *context)
{
    bool seen = false;
    for (size_t i = first; i < end && !(seen && outside); i++)
        if (segment_name_is_outside(list->items[i].name) == outside)
            seen = visit_entry(list, &list->items[i], true, visit, context) || seen;
    return seen;
}

/* Both are in the order of pids. */
static void visit_living(const struct living *living, struct list *list,
                         void (*visit)(void *context, const struct segment_file *file), void *context)
{
    size_t next = 0;
    for (size_t i = 0; i < living->count; i++) {
        while (next < list->count && segment_pid_of(list->items[next].name) < living->pids[i])
            next++;
        size_t first = next;
        while (next < list->count && segment_pid_of(list->items[next].name) == living->pids[i])
            next++;
        if (!visit_entries(list, first, next, false, visit, context) &&
            !visit_memory(living, living->pids[i], visit, context))
            visit_entries(list, first, next, true, visit, context);
    }
}

int segment_each(void (*visit)(void *context, const struct segment_file *file), void *context)
{
    struct living living = {0};
    struct list list = {0};
    uid_t *users;
    int error = folder_users(&users, &living.user_count);
    if (error < 0)
        return error;
    living.users = users;
    living.mappings = malloc(living.user_count * sizeof(*living.mappings));
    for (size_t i = 0; living.mappings && i < living.user_count; i++)
        living.mappings[i] = MAPPINGS_MOST;
    error = living.mappings ? list_pids(&living) : -ENOMEM;
    if (error == 0)
        error = list_make(&list, users, living.user_count);
    if (error == 0)
        visit_living(&living, &list, visit, context);
    list_free(&list);
    free(living.pids);
    free(living.mappings);
    free(users);
    return error;
}

/* --- all that are gone --- */

/* Of this pid namespace: the numbers of others are not known here. */
static bool is_left_over(const char *name)
{
    char own[SEGMENT_STEM + sizeof(OUTSIDE_SUFFIX)];
    pid_t pid = segment_pid_of(name);
    if (!segment_name_is_outside(name) || process_exists(pid))
        return false;
    outside_stem(pid, own, SEGMENT_STEM);
    strcat(own, OUTSIDE_SUFFIX);
    return strcmp(name, own) == 0;
}

void segment_remove_outside(void)
{
    const uid_t own = geteuid();
    struct list list;
    int error = list_make(&list, &own, 1);
    for (size_t i = 0; error == 0 && i < list.count; i++) {
        const struct place *place = &list.places[list.items[i].place];
        struct segment_folder folder;
        if (!is_left_over(list.items[i].name) || folder_open(&folder, place->which, place->user) < 0)
            continue;
        unlinkat(folder.fd, list.items[i].name, 0);
        folder_close(&folder);
    }
    list_free(&list);
}

int segment_each_dead(void (*visit)(void *context, const struct segment_file *file), void *context)
{
    const uid_t own = geteuid();
    struct list list;
    int error = list_make(&list, &own, 1);
    for (size_t i = 0; error == 0 && i < list.count; i++)
        if (!segment_name_is_outside(list.items[i].name) && !process_exists(segment_pid_of(list.items[i].name)))
            visit_entry(&list, &list.items[i], false, visit, context);
    list_free(&list);
    return error;
}
