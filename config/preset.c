#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
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
