#include "tools/prepare/reach.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/common/elf_machine.h"
#include "tools/common/read_file.h"

#define SCRIPTS_MOST  4 /* as the kernel follows them */
#define SEGMENTS_MOST 128

/* --- rights --- */

/*
 * Does the kernel give the program other rights than this process has? Not without the file system's and the process's
 * consent.
 */
static bool gains_rights(int fd, const struct stat *status)
{
    struct statvfs volume;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || (fstatvfs(fd, &volume) == 0 && (volume.f_flag & ST_NOSUID)))
        return false;
    bool other_user = (status->st_mode & S_ISUID) && status->st_uid != geteuid();
    bool other_group = (status->st_mode & S_ISGID) && (status->st_mode & S_IXGRP) && status->st_gid != getegid();
    return other_user || other_group || (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

/* --- ELF --- */

/* The loader's path from that place in the file. false: it is damaged. */
static bool read_loader(int fd, const Elf64_Phdr *segment, char ret_loader[PATH_MAX])
{
    size_t size = segment->p_filesz;
    if (size < 2 || size > PATH_MAX || read_at(fd, ret_loader, size, (off_t)segment->p_offset) < 0)
        return false;
    return ret_loader[size - 1] == '\0';
}

/* Is the file itself a dynamic loader, which `ld.so PROGRAM` starts? It has no loader, but loads preloads. */
static bool is_loader(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    return strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.so", 5) == 0 || strncmp(name, "ld64.so", 7) == 0;
}

static bool is_known_loader(const char *loader)
{
    const char *slash = strrchr(loader, '/');
    const char *name = slash ? slash + 1 : loader;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld64.so", 7) == 0 || strncmp(name, "ld-musl-", 8) == 0;
}

static int reach_of_elf(struct reached *reached, int fd)
{
    Elf64_Phdr segments[SEGMENTS_MOST];
    Elf64_Ehdr header;
    if (read_at(fd, &header, EI_NIDENT, 0) < 0)
        return -ENOEXEC;
    if (header.e_ident[EI_CLASS] == ELFCLASS32) {
        reached->reach = REACH_32_BIT;
        return 0;
    }
    if (read_at(fd, &header, sizeof(header), 0) < 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phnum > SEGMENTS_MOST ||
        read_at(fd, segments, header.e_phnum * sizeof(*segments), (off_t)header.e_phoff) < 0)
        return -ENOEXEC;
    if (OWN_MACHINE != EM_NONE && header.e_machine != OWN_MACHINE) {
        reached->reach = REACH_PROCESSOR;
        return 0;
    }
    for (unsigned i = 0; i < header.e_phnum; i++)
        if (segments[i].p_type == PT_INTERP && !read_loader(fd, &segments[i], reached->loader))
            return -ENOEXEC;
    if (!*reached->loader)
        reached->reach = is_loader(reached->file) ? REACHED : REACH_STATIC;
    else
        reached->reach = is_known_loader(reached->loader) ? REACHED : REACH_LIBC;
    return 0;
}

/* --- scripts --- */

/* Cuts the next word out of a line, which ends with '\0'. */
static const char *cut_word(char **at)
{
    char *word = *at + strspn(*at, " \t");
    char *end = word + strcspn(word, " \t");
    *at = end + (*end != '\0');
    *end = '\0';
    return word;
}

int script_line(const char *path, char *ret_interpreter, char *ret_argument, size_t size)
{
    char line[PATH_MAX];
    if (!read_line(path, line, sizeof(line)) || strncmp(line, "#!", 2) != 0)
        return -ENOEXEC;
    char *at = line + 2;
    const char *interpreter = cut_word(&at);
    at += strspn(at, " \t");
    for (size_t length = strlen(at); length > 0 && strchr(" \t", at[length - 1]); length--)
        at[length - 1] = '\0'; /* all that follows is one argument (execve(2)) */
    snprintf(ret_interpreter, size, "%s", interpreter);
    snprintf(ret_argument, size, "%s", at);
    return *interpreter ? 0 : -ENOEXEC;
}

/* --- a file --- */

static int reach_of_file(struct reached *reached, const char *path, int depth)
{
    char start[SELFMAG] = "", next[PATH_MAX], argument[PATH_MAX];
    struct stat status;
    if (depth > SCRIPTS_MOST)
        return -ELOOP;
    if (!realpath(path, reached->file))
        return -errno;
    int fd = open_regular(AT_FDCWD, reached->file, O_RDONLY | O_CLOEXEC, &status);
    if (fd == -EACCES)
        return 0; /* it may be executed, but not read: nothing is known */
    if (fd < 0)
        return fd;
    int error = read_at(fd, start, sizeof(start), 0);
    if (error == 0 && memcmp(start, ELFMAG, SELFMAG) == 0) {
        error = gains_rights(fd, &status) ? 0 : reach_of_elf(reached, fd);
        if (error == 0 && gains_rights(fd, &status))
            reached->reach = REACH_SECURE;
        close(fd);
        return error;
    }
    close(fd);
    error = script_line(reached->file, next, argument, sizeof(next));
    return error < 0 ? error : reach_of_file(reached, next, depth + 1);
}

int program_reach(struct reached *ret_reached, const char *path)
{
    *ret_reached = (struct reached){.reach = REACHED};
    int error = reach_of_file(ret_reached, path, 0);
    return error == -ENOEXEC ? reach_of_file(ret_reached, "/bin/sh", SCRIPTS_MOST) : error;
}

void reach_text(const struct reached *reached, char *ret_text, size_t size)
{
    static const struct {
        const char *why, *remedy;
    } texts[] = {
        [REACHED] = {"loads the library", "none is needed"},
        [REACH_STATIC] = {"is linked statically, so that no library can be preloaded", "link it dynamically"},
        [REACH_SECURE] = {"is setuid, setgid or has file capabilities, so that its loader drops preloads",
                          "start it as the user that it becomes, with systemd's AmbientCapabilities="},
        [REACH_32_BIT] = {"is a 32-bit program, which this library does not fit", "take a 64-bit build of it"},
        [REACH_PROCESSOR] = {"is for another processor", "take a build for this machine"},
        [REACH_LIBC] = {"has the loader of another C library, which may not load a preload",
                        "link it with glibc or musl"},
    };
    snprintf(ret_text, size, "%s %s: %s", reached->file, texts[reached->reach].why, texts[reached->reach].remedy);
}
