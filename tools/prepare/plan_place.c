#include "tools/prepare/plan_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/runtime_folder.h"

/* One that is no runtime folder: a variable, or a path, and what comes behind it. */
struct private_place {
    const char *variable, *path; /* one of the two */
    const char *below;           /* a folder there that is made, too; "" : none */
    bool is_shared;              /* all users have theirs there: the name has the uid */
};

enum { CACHE, HOME_CACHE, OWN_TEMPORARY, LASTING_TEMPORARY, TEMPORARY, PRIVATE_PLACES };

static const struct private_place private_places[PRIVATE_PLACES] = {
    [CACHE] = {.variable = "XDG_CACHE_HOME", .below = ""},
    [HOME_CACHE] = {.variable = "HOME", .below = "/.cache"},
    [OWN_TEMPORARY] = {.variable = "TMPDIR", .below = "", .is_shared = true},
    [LASTING_TEMPORARY] = {.path = "/var/tmp", .below = "", .is_shared = true},
    [TEMPORARY] = {.path = "/tmp", .below = "", .is_shared = true},
};
static const unsigned char order_of_users[] = {CACHE, HOME_CACHE, OWN_TEMPORARY, LASTING_TEMPORARY, TEMPORARY};
static const unsigned char order_of_root[] = {LASTING_TEMPORARY, TEMPORARY, OWN_TEMPORARY, CACHE, HOME_CACHE};

_Static_assert(RUNTIME_FOLDERS + PRIVATE_PLACES == PLAN_PLACES, "every place has a number");

/* --- one folder --- */

/*
 * Makes the folder, or proves that an existing one is this user's and that no other user can write to it. 0, -EPERM: it
 * is not; or another negative errno.
 */
static int own_folder(const char *path, bool make)
{
    mode_t mode = geteuid() == 0 ? 0711 : 0700;
    struct stat status;
    if (make && mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? 0 : -errno; /* whatever the umask made of it */
    if (make && errno != EEXIST)
        return -errno;
    if (lstat(path, &status) != 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    return status.st_uid == geteuid() && (status.st_mode & 022) == 0 ? 0 : -EPERM;
}

/* Can no other user exchange a folder that this one makes there? */
static int check_parent(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    bool is_trusted = status.st_uid == 0 || status.st_uid == geteuid();
    return is_trusted && (!(status.st_mode & 022) || (status.st_mode & S_ISVTX)) ? 0 : -EPERM;
}

/* --- places --- */

static struct runtime_user own_user(void)
{
    return (struct runtime_user){geteuid(), getenv("XDG_RUNTIME_DIR")};
}

static const struct private_place *private_of(unsigned number)
{
    const unsigned char *order = geteuid() == 0 ? order_of_root : order_of_users;
    return &private_places[order[number - RUNTIME_FOLDERS]];
}

/* NULL: there is none. */
static const char *parent_of(const struct private_place *place)
{
    const char *path = place->path ? place->path : getenv(place->variable);
    return path && *path == '/' ? path : NULL;
}

static int private_path(char **ret_path, const struct private_place *place)
{
    char number[16] = "";
    const char *parent = parent_of(place);
    if (!parent)
        return -ENOENT;
    if (place->is_shared)
        snprintf(number, sizeof(number), ".%u", (unsigned)geteuid());
    return asprintf(ret_path, "%s%s/nodewise%s", parent, place->below, number) < 0 ? -ENOMEM : 0;
}

int plan_place_path(char **ret_path, unsigned number)
{
    const struct runtime_user user = own_user();
    char path[RUNTIME_PATH_SIZE];
    if (number >= RUNTIME_FOLDERS)
        return private_path(ret_path, private_of(number));
    if (!runtime_folder_path(path, sizeof(path), (enum runtime_folder)number, &user))
        return -ENOENT;
    *ret_path = strdup(path);
    return *ret_path ? 0 : -ENOMEM;
}

static int prove_runtime(unsigned number, bool make)
{
    const struct runtime_user user = own_user();
    int folder = runtime_folder_open((enum runtime_folder)number, &user, make);
    if (folder < 0)
        return folder;
    close(folder);
    return 0;
}

static int prove_private(const struct private_place *place, const char *path, bool make)
{
    const char *parent = parent_of(place);
    char *below = NULL;
    int error = check_parent(parent);
    if (error == 0 && *place->below) {
        error = asprintf(&below, "%s%s", parent, place->below) < 0 ? -ENOMEM : own_folder(below, make);
        if (error != -ENOMEM)
            free(below);
    }
    return error < 0 ? error : own_folder(path, make);
}

int plan_place_open(char **ret_plans, unsigned number, bool make)
{
    char *path, *plans;
    int error = plan_place_path(&path, number);
    if (error < 0)
        return error;
    error = number < RUNTIME_FOLDERS ? prove_runtime(number, make) : prove_private(private_of(number), path, make);
    if (error == 0 && asprintf(&plans, "%s/plans", path) < 0)
        error = -ENOMEM;
    free(path);
    if (error < 0)
        return error;
    error = own_folder(plans, make);
    if (error < 0)
        free(plans);
    else
        *ret_plans = plans;
    return error;
}

const char *plan_place_trouble(int error)
{
    switch (error) {
    case -EPERM:
        return "another user can write to it";
    case -EOPNOTSUPP:
        return "it is not on tmpfs";
    case -ENOENT:
        return "it does not exist";
    case -ENOTDIR:
    case -ELOOP:
        return "it is no folder";
    default:
        return strerror(-error);
    }
}
