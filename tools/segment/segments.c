#include "tools/segment/segments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "tools/common/process.h"

#define STRANGERS_MOST 256u /* of one folder, in one look */

/* --- one --- */

struct search {
    pid_t pid;
    struct segment_file left; /* of an earlier process */
    bool has_left;
    int error; /* the one that is worth telling */
};

/* true: this is the one that the process holds. */
static bool search_folder(struct search *search, enum runtime_folder which, uid_t user, struct segment_file *ret_file)
{
    struct segment_folder folder;
    struct segment_file file;
    char name[SEGMENT_STEM];
    snprintf(name, sizeof(name), "%d" SEGMENT_SUFFIX, (int)search->pid);
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
    if (search->has_left)
        segment_close(&search->left);
    search->left = file;
    search->has_left = true;
    return false;
}

static bool search_user(struct search *search, uid_t user, struct segment_file *ret_file)
{
    for (unsigned which = 0; which < RUNTIME_FOLDERS; which++)
        if (search_folder(search, which, user, ret_file))
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
    bool found = false;
    int error = users_for(pid, &users, &count);
    if (error < 0)
        return error;
    for (size_t i = 0; i < count && !found; i++)
        found = search_user(&search, users[i], ret_file);
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
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        struct entry *items = realloc(list->items, room * sizeof(*items));
        if (!items) {
            list->failed = true;
            return;
        }
        list->items = items;
        list->room = room;
    }
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

/* One folder and one file are open at a time, however many there are. */
static void visit_entry(struct list *list, const struct entry *entry, bool held,
                        void (*visit)(void *context, const struct segment_file *file), void *context)
{
    struct place *place = &list->places[entry->place];
    struct segment_folder folder;
    struct segment_file file;
    if (folder_open(&folder, place->which, place->user) < 0)
        return;
    if (segment_open_in(&file, &folder, entry->name, &place->strangers_left) < 0) {
        folder_close(&folder);
        return;
    }
    if (file.is_held == held)
        visit(context, &file);
    segment_close(&file);
}

static int each(const uid_t *users, size_t count, bool living,
                void (*visit)(void *context, const struct segment_file *file), void *context)
{
    struct list list;
    int error = list_make(&list, users, count);
    for (size_t i = 0; error == 0 && i < list.count; i++)
        if (process_exists(segment_pid_of(list.items[i].name)) == living)
            visit_entry(&list, &list.items[i], living, visit, context);
    list_free(&list);
    return error;
}

int segment_each(void (*visit)(void *context, const struct segment_file *file), void *context)
{
    uid_t *users;
    size_t count;
    int error = folder_users(&users, &count);
    if (error < 0)
        return error;
    error = each(users, count, true, visit, context);
    free(users);
    return error;
}

int segment_each_dead(void (*visit)(void *context, const struct segment_file *file), void *context)
{
    const uid_t own = geteuid();
    return each(&own, 1, false, visit, context);
}
