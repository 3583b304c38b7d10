#include "tools/prepare/shim_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Where /proc is not mounted: the path that the command was started by, as it is, which may be a link. */
static int given_path(char *ret_path, size_t size)
{
    char folder[PATH_MAX] = "";
    const char *path = (const char *)getauxval(AT_EXECFN);
    if (!path || (*path != '/' && !getcwd(folder, sizeof(folder))))
        return -ENOENT;
    int length = snprintf(ret_path, size, "%s%s%s", folder, *folder ? "/" : "", path);
    return length > 0 && (size_t)length < size ? 0 : -ENOENT;
}

/*
 * The path of the running command: that of the first mapping, which is the program's own. Under a seccomp filter
 * readlink("/proc/self/exe") may be what it kills for; files are read in every start (filtered.h).
 */
static int own_path(char *ret_path, size_t size)
{
    char line[PATH_MAX + 128];
    FILE *maps = fopen("/proc/self/maps", "re");
    const char *path = maps && fgets(line, sizeof(line), maps) ? strchr(line, '/') : NULL;
    if (maps)
        fclose(maps);
    if (!path || strlen(path) >= size)
        return given_path(ret_path, size);
    snprintf(ret_path, size, "%.*s", (int)strcspn(path, "\n"), path);
    return 0;
}

/* That path without its last `levels` components. */
static int own_folder(char *ret_path, size_t size, int levels)
{
    int error = own_path(ret_path, size);
    if (error < 0)
        return error;
    while (levels-- > 0) {
        char *slash = strrchr(ret_path, '/');
        if (!slash)
            return -ENOENT;
        *slash = '\0';
    }
    return 0;
}

/* "/usr/lib/x86_64-linux-gnu/…" -> "/usr/$LIB/…": the dynamic loader of each architecture puts its own folder in. */
static char *with_lib_token(const char *path)
{
    static const char folder[] = "/lib/" NODEWISE_MULTIARCH "/";
    const char *at = sizeof(NODEWISE_MULTIARCH) > 1 ? strstr(path, folder) : NULL;
    char *text = NULL;
    if (!at)
        return strdup(path);
    if (asprintf(&text, "%.*s/$LIB/%s", (int)(at - path), path, at + strlen(folder)) < 0)
        return NULL;
    return text;
}

int shim_file(char **ret_path)
{
    char folder[PATH_MAX], path[PATH_MAX + 32] = "";
    if (own_folder(folder, sizeof(folder), 2) == 0)
        snprintf(path, sizeof(path), "%s/shim/libnodewise.so", folder);
    if (access(path, R_OK) != 0)
        snprintf(path, sizeof(path), "%s/libnodewise.so", NODEWISE_SHIM_DIR);
    *ret_path = strdup(path);
    if (!*ret_path)
        return -ENOMEM;
    return access(path, R_OK) == 0 ? 0 : -ENOENT;
}

int shim_path(char **ret_path)
{
    char *file = NULL;
    int error = shim_file(&file);
    *ret_path = file ? with_lib_token(file) : NULL;
    free(file);
    if (error < 0)
        return error;
    if (!*ret_path)
        return -ENOMEM;
    return strpbrk(*ret_path, ": \t") ? -EINVAL : 0;
}
