#include "config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/sys/again.h"

/*
 * A group that consists of the owner alone, as user-private groups (umask 002) and root's do, lets no other user write.
 * Members by primary group are not listed in the group's entry (group(5)); such a group has its owner's name.
 */
static bool group_is_owner_alone(gid_t gid, uid_t owner)
{
    const struct passwd *user = getpwuid(owner);
    if (!user || user->pw_gid != gid)
        return false;
    char name[LOGIN_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s", user->pw_name);
    const struct group *group = getgrgid(gid);
    if (!group || strcmp(group->gr_name, name) != 0)
        return false;
    for (char **member = group->gr_mem; *member; member++)
        if (strcmp(*member, name) != 0)
            return false;
    return true;
}

static bool others_can_write(const struct stat *st)
{
    if (st->st_mode & S_IWOTH)
        return true;
    return (st->st_mode & S_IWGRP) && !group_is_owner_alone(st->st_gid, st->st_uid);
}

/* Reports a file or directory that another user owns or could write to. what: "the file", "its directory". */
static int check_owner(const struct stat *st, bool may_be_sticky, const char *what, const char *path, struct span at,
                       struct diag_list *diags)
{
    char help[PATH_MAX + 64];
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        snprintf(help, sizeof(help), "chown %s '%s'", geteuid() == 0 ? "root" : "\"$USER\"", path);
        diag_add(diags, DIAG_E002, at, NULL, help, "%s `%s` belongs to user %u, who is neither root nor you", what,
                 path, (unsigned)st->st_uid);
        return -EPERM;
    }
    bool sticky = may_be_sticky && (st->st_mode & S_ISVTX);
    if (!sticky && others_can_write(st)) {
        snprintf(help, sizeof(help), "chmod go-w '%s'", path);
        diag_add(diags, DIAG_E002, at, NULL, help, "%s `%s` can be written by %s", what, path,
                 st->st_mode & S_IWOTH ? "every user" : "its group");
        return -EPERM;
    }
    return 0;
}

static int cannot_read(const char *path, int error, struct span at, struct diag_list *diags)
{
    diag_add(diags, DIAG_E001, at, NULL, NULL, "cannot read `%s`: %s", path, strerror(error));
    return -error;
}

/* Opens the directory of a path and checks it. The caller closes. */
static int open_directory_of(const char *path, struct span at, struct diag_list *diags)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    const char *directory = dirname(copy);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot_read(path, errno, at, diags);
    struct stat st;
    int error = fstat(fd, &st) < 0 ? cannot_read(path, errno, at, diags)
                                   : check_owner(&st, true, "the directory", directory, at, diags);
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* A link decides which file is read, so it must be in the same hands. */
static int check_link(const char *path, struct span at, struct diag_list *diags)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return cannot_read(path, errno, at, diags);
    if (!S_ISLNK(st.st_mode))
        return 0;
    st.st_mode = S_IFLNK; /* the mode of a link means nothing (symlink(7)) */
    int error = check_owner(&st, false, "the symbolic link", path, at, diags);
    if (error < 0)
        return error;
    int fd = open_directory_of(path, at, diags);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int read_all(struct file_text *file, int fd, const char *path, struct span at, struct diag_list *diags)
{
    file->text = malloc(FILE_MAX_SIZE + 2);
    if (!file->text)
        return -ENOMEM;
    unsigned interruptions = 0;
    for (file->size = 0; file->size <= FILE_MAX_SIZE;) {
        ssize_t got = read(fd, file->text + file->size, FILE_MAX_SIZE + 1 - file->size);
        if (got < 0 && call_again(&interruptions))
            continue;
        if (got < 0)
            return cannot_read(path, errno, at, diags);
        if (got == 0)
            break;
        file->size += (size_t)got;
    }
    if (file->size > FILE_MAX_SIZE) {
        diag_add(diags, DIAG_E004, at, NULL, NULL, "`%s` is larger than 1 MiB", path);
        return -EFBIG;
    }
    file->text[file->size] = '\0';
    return 0;
}

static int read_checked(struct file_text *file, int directory, const char *path, struct span at,
                        struct diag_list *diags)
{
    const char *base = strrchr(file->real_path, '/') + 1; /* realpath(3) is absolute */
    /* O_NONBLOCK: a FIFO must not hang us before fstat tells that it is one. */
    int fd = openat(directory, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cannot_read(path, errno, at, diags);
    struct stat st;
    int error;
    if (fstat(fd, &st) < 0) {
        error = cannot_read(path, errno, at, diags);
    } else if (!S_ISREG(st.st_mode)) {
        diag_add(diags, DIAG_E004, at, NULL, NULL, "`%s` is not a regular file", path);
        error = -EINVAL;
    } else {
        error = check_owner(&st, false, "the file", path, at, diags);
        if (error == 0)
            error = read_all(file, fd, path, at, diags);
    }
    close(fd);
    return error;
}

int file_read(struct file_text *ret_file, const char *path, struct span at, struct diag_list *diags)
{
    int error = check_link(path, at, diags);
    if (error < 0)
        return error;
    struct file_text file = {.real_path = realpath(path, NULL)};
    if (!file.real_path)
        return errno == ENOMEM ? -ENOMEM : cannot_read(path, errno, at, diags);
    int directory = open_directory_of(file.real_path, at, diags);
    error = directory < 0 ? directory : read_checked(&file, directory, path, at, diags);
    if (directory >= 0)
        close(directory);
    if (error < 0)
        file_text_free(&file);
    else
        *ret_file = file;
    return error;
}

int file_read_stdin(struct file_text *ret_file, struct diag_list *diags)
{
    struct file_text file = {.real_path = strdup("stdin")};
    if (!file.real_path)
        return -ENOMEM;
    int error = read_all(&file, STDIN_FILENO, "stdin", (struct span){0}, diags);
    if (error < 0)
        file_text_free(&file);
    else
        *ret_file = file;
    return error;
}

void file_text_free(struct file_text *file)
{
    free(file->text);
    free(file->real_path);
    *file = (struct file_text){0};
}

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".toml") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int directory_list(char ***ret_names, size_t *ret_count, const char *path, struct span at, struct diag_list *diags)
{
    *ret_names = NULL;
    *ret_count = 0;
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : cannot_read(path, errno, at, diags);
    if (!S_ISDIR(st.st_mode))
        return 0;
    int error = check_owner(&st, false, "the directory", path, at, diags);
    if (error < 0)
        return error;

    struct dirent **found;
    int count = scandir(path, &found, is_drop_in, by_bytes);
    if (count < 0)
        return cannot_read(path, errno, at, diags);
    char **names = calloc((size_t)count + 1, sizeof(*names));
    bool complete = names != NULL;
    for (int i = 0; i < count; i++) {
        if (complete)
            complete = (names[i] = strdup(found[i]->d_name)) != NULL;
        free(found[i]);
    }
    free(found);
    if (!complete) {
        for (int i = 0; names && i < count; i++)
            free(names[i]);
        free(names);
        return -ENOMEM;
    }
    *ret_names = names;
    *ret_count = (size_t)count;
    return 0;
}
