#include "tools/segment/folders.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS "/run/user"
#define SHARED   "/dev/shm"

struct search {
    folder_visit *visit;
    void *context;
    int result;
};

struct runtime_user folders_own_user(void)
{
    return (struct runtime_user){geteuid(), getenv("XDG_RUNTIME_DIR")};
}

static void look(struct search *search, enum runtime_folder which, const struct runtime_user *user)
{
    char path[RUNTIME_PATH_SIZE];
    if (search->result)
        return;
    int folder = runtime_folder_open(which, user, false);
    if (folder < 0)
        return;
    runtime_folder_path(path, sizeof(path), which, user);
    search->result = search->visit(search->context, folder, path, user->uid);
    close(folder);
}

/* "1000": a uid as the library writes it, and nothing else. */
static bool read_uid(uint32_t *ret_uid, const char *text)
{
    char again[16], *end;
    unsigned long uid = strtoul(text, &end, 10);
    snprintf(again, sizeof(again), "%lu", uid);
    if (uid > UINT32_MAX || *end || strcmp(again, text) != 0)
        return false;
    *ret_uid = (uint32_t)uid;
    return true;
}

/* Looks at the folder of every user whose number stands behind the prefix of a name in `path`. */
static void look_at_all(struct search *search, const char *path, const char *prefix, enum runtime_folder which)
{
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && !search->result && (entry = readdir(folder));) {
        char session[64];
        struct runtime_user user = {0, session};
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || !read_uid(&user.uid, entry->d_name + strlen(prefix)))
            continue;
        snprintf(session, sizeof(session), SESSIONS "/%u", (unsigned)user.uid);
        look(search, which, &user);
    }
    if (folder)
        closedir(folder);
}

/* Is it one of those that look_at_all() finds, too? */
static bool is_in_sessions(const char *session)
{
    uint32_t uid;
    return strncmp(session, SESSIONS "/", sizeof(SESSIONS)) == 0 && read_uid(&uid, session + sizeof(SESSIONS));
}

int folders_each(folder_visit *visit, void *context)
{
    struct search search = {visit, context, 0};
    const struct runtime_user own = folders_own_user(), root = {0, NULL};
    look(&search, RUNTIME_OF_ROOT, &root);
    if (own.session && !is_in_sessions(own.session))
        look(&search, RUNTIME_OF_SESSION, &own);
    look_at_all(&search, SESSIONS, "", RUNTIME_OF_SESSION);
    look_at_all(&search, SHARED, "nodewise.", RUNTIME_SHARED);
    return search.result;
}
