#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/suggest.h"
#include "config/units.h"

static char *readable(char *path)
{
    if (path && access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *joined(const char *directory, const char *between, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s/%s.toml", directory, between, name) < 0 ? NULL : path;
}

/* The program's own folder, without the last '/'. */
static bool find_own_folder(char *ret_folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", ret_folder, size - 1);
    if (length <= 0)
        return false;
    ret_folder[length] = '\0';
    char *slash = strrchr(ret_folder, '/');
    *slash = '\0';
    return true;
}

/* A build tree has config/presets at its top and programs at most four folders below. */
static char *find_in_build_tree(const char *folder, const char *name)
{
    char above[PATH_MAX];
    snprintf(above, sizeof(above), "%s", folder);
    for (int i = 0; i < 4; i++) {
        char *slash = strrchr(above, '/');
        if (!slash || slash == above)
            return NULL;
        *slash = '\0';
        char *path = readable(joined(above, "config/presets", name));
        if (path)
            return path;
    }
    return NULL;
}

const char config_auto_text[] =
#include "config/auto.inc"
    ;

/* What a preset of an earlier version is called now. */
static const char *present_name(const char *name)
{
    return strcmp(name, "minimal") == 0 ? "auto" : name;
}

bool config_is_auto(const char *name)
{
    return strncmp(name, "preset:", 7) == 0 && strcmp(present_name(name + 7), "auto") == 0;
}

/* The folder of the presets: that of the one which every installation has. */
static char *presets_folder(void)
{
    char *path;
    if (config_preset_path(&path, "auto") < 0)
        return NULL;
    *strrchr(path, '/') = '\0';
    return path;
}

static int is_preset(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".toml") == 0;
}

int config_presets(void (*take)(const char *name, void *context), void *context)
{
    char *folder = presets_folder();
    struct dirent **entries;
    int count = folder ? scandir(folder, &entries, is_preset, alphasort) : -1;
    free(folder);
    if (count < 0)
        return -ENOENT;
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
        take(entries[i]->d_name, context);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

struct nearest {
    const char *wrong;
    unsigned distance;
    char *name;
};

static void keep_nearer(const char *name, void *context)
{
    struct nearest *nearest = context;
    struct suggestion near = suggest_for(nearest->wrong);
    suggest_offer(&near, name);
    if (!near.best || near.distance >= nearest->distance)
        return;
    free(nearest->name);
    nearest->name = strdup(name);
    nearest->distance = near.distance;
}

char *config_preset_near(const char *name)
{
    struct nearest nearest = {.wrong = name, .distance = UINT_MAX};
    config_presets(keep_nearer, &nearest);
    return nearest.name;
}

int config_preset_path(char **ret_path, const char *name)
{
    if (!is_rule_name(name)) /* the same form: no '/', no '..' */
        return -ENOENT;
    name = present_name(name);
    char folder[PATH_MAX];
    char *path = NULL;
    if (find_own_folder(folder, sizeof(folder)) && strcmp(folder, NODEWISE_BINDIR) != 0) {
        path = readable(joined(folder, "../share/nodewise/presets", name));
        if (!path)
            path = find_in_build_tree(folder, name);
    }
    if (!path)
        path = readable(joined(NODEWISE_DATADIR, "presets", name));
    if (!path)
        return -ENOENT;
    *ret_path = path;
    return 0;
}
