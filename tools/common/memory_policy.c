#include "tools/common/memory_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/cpuset.h"
#include "shim/sys/again.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15 */
#endif
#define MODE_WEIGHTED_INTERLEAVE 6 /* Linux 6.9; not in the headers of Debian 12 */

#define FLAGS_COMPARED ((unsigned)(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
#define FLAGS_ALL      (FLAGS_COMPARED | 1u << 13) /* MPOL_F_NUMA_BALANCING: old kernels do not print it */

#define LINES_MOST 512u
#define CHUNK      64u /* a line is longer: the kernel makes no more lines than were asked for */

/* The kernel's words (mm/mempolicy.c) and ours; a word that begins with another one stands before it. */
static const struct {
    int mode;
    const char *kernel, *own;
} modes[] = {
    {MPOL_DEFAULT, "default", "default"},
    {MPOL_PREFERRED_MANY, "prefer (many)", "preferred_many"},
    {MPOL_PREFERRED, "prefer", "preferred"},
    {MPOL_BIND, "bind", "bind"},
    {MPOL_INTERLEAVE, "interleave", "interleave"},
    {MPOL_LOCAL, "local", "local"},
    {MODE_WEIGHTED_INTERLEAVE, "weighted interleave", "weighted_interleave"},
};
#define MODES (sizeof(modes) / sizeof(*modes))

struct memory_policy memory_policy_of(unsigned mode, uint64_t nodes, bool more_nodes)
{
    int alone = (int)(mode & ~FLAGS_ALL);
    if (alone == MPOL_PREFERRED && !nodes && !more_nodes) /* how Linux before 5.14 reads "local" back */
        alone = MPOL_LOCAL;
    return (struct memory_policy){alone, mode & FLAGS_COMPARED, nodes, more_nodes};
}

/* --- texts --- */

/* "=static|balancing", moved behind it. */
static unsigned take_flags(const char **at)
{
    unsigned flags = 0;
    if (**at != '=')
        return 0;
    const char *end = *at + strcspn(*at, ": \n");
    for (const char *word = *at + 1; word < end;
         word += strcspn(word, "|: \n") + (word[strcspn(word, "|: \n")] == '|')) {
        if (strncmp(word, "static", 6) == 0)
            flags |= (unsigned)MPOL_F_STATIC_NODES;
        if (strncmp(word, "relative", 8) == 0)
            flags |= (unsigned)MPOL_F_RELATIVE_NODES;
    }
    *at = end;
    return flags;
}

/* ":0-1,4" up to a blank; the modes that name nodes have some. */
static int take_nodes(const char *at, struct memory_policy *policy)
{
    struct cpuset nodes = CPUSET_EMPTY;
    char list[1024];
    if (*at != ':')
        return policy->mode == MPOL_DEFAULT || policy->mode == MPOL_LOCAL ? 0 : -EPROTO;
    size_t length = strcspn(at + 1, " \n");
    if (length >= sizeof(list))
        return -EPROTO;
    memcpy(list, at + 1, length);
    list[length] = '\0';
    int error = cpuset_parse_list(&nodes, list, NULL);
    if (error == 0)
        CPUSET_FOREACH(id, &nodes) {
            if (id < 64)
                policy->nodes |= UINT64_C(1) << id;
            else
                policy->more_nodes = true;
        }
    cpuset_free(&nodes);
    return error == -ENOMEM ? error : error < 0 ? -EPROTO : 0;
}

int memory_policy_parse(struct memory_policy *ret_policy, const char *text)
{
    for (size_t i = 0; i < MODES; i++) {
        size_t length = strlen(modes[i].kernel);
        if (strncmp(text, modes[i].kernel, length) != 0 || !strchr("=: \n", text[length]))
            continue;
        struct memory_policy policy = {.mode = modes[i].mode};
        const char *at = text + length;
        policy.flags = take_flags(&at);
        int error = take_nodes(at, &policy);
        if (error == 0)
            *ret_policy = policy;
        return error;
    }
    return -EPROTO;
}

bool memory_policy_equal(const struct memory_policy *a, const struct memory_policy *b)
{
    if (a->mode != b->mode || a->flags != b->flags)
        return false;
    return a->flags || (a->nodes == b->nodes && a->more_nodes == b->more_nodes);
}

void memory_policy_text(const struct memory_policy *policy, char ret_text[MEMORY_POLICY_TEXT])
{
    const char *word = "unknown";
    uint64_t bits[1] = {policy->nodes};
    struct cpuset nodes = {bits, 1};
    for (size_t i = 0; i < MODES; i++)
        if (modes[i].mode == policy->mode)
            word = modes[i].own;
    char *list = policy->nodes ? cpuset_to_string(&nodes) : NULL;
    snprintf(ret_text, MEMORY_POLICY_TEXT, "%s%s%s%s%s", word,
             policy->flags & MPOL_F_STATIC_NODES     ? "=static"
             : policy->flags & MPOL_F_RELATIVE_NODES ? "=relative"
                                                     : "",
             list || policy->more_nodes ? ":" : "", list ? list : "", policy->more_nodes ? "+" : "");
    free(list);
}

/* --- the kernel --- */

/* " file=/path" of the program, with the kernel's escapes (seq_path). */
static int own_file(pid_t pid, char *ret_word, size_t size)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(link, path, sizeof(path));
    if (length < 0)
        return -errno;
    size_t to = (size_t)snprintf(ret_word, size, " file=");
    for (ssize_t i = 0; i < length && to + 5 < size; i++) {
        if (strchr("\n\t= ", path[i]))
            to += (size_t)snprintf(ret_word + to, size - to, "\\%03o", (unsigned)path[i]);
        else
            ret_word[to++] = path[i];
    }
    ret_word[to] = '\0';
    return 0;
}

/* The next line into ret_line; what was read behind it stays in the buffer. 0, -ENODATA at the end, negative errno. */
static int next_line(int fd, char *buffer, size_t size, size_t *length, char *ret_line)
{
    char *end;
    unsigned interruptions = 0;
    while (!(end = memchr(buffer, '\n', *length))) {
        if (*length + CHUNK > size)
            return -EPROTO;
        ssize_t more = read(fd, buffer + *length, CHUNK);
        if (more < 0 && call_again(&interruptions))
            continue;
        if (more <= 0)
            return more < 0 ? -errno : -ENODATA;
        *length += (size_t)more;
    }
    size_t line = (size_t)(end - buffer) + 1;
    memcpy(ret_line, buffer, line);
    ret_line[line - 1] = '\0';
    *length -= line;
    memmove(buffer, buffer + line, *length);
    return 0;
}

static int find_line(int fd, const char *file, char *ret_line)
{
    char buffer[2 * PATH_MAX];
    size_t length = 0, wanted = strlen(file);
    for (unsigned i = 0; i < LINES_MOST; i++) {
        int error = next_line(fd, buffer, sizeof(buffer), &length, ret_line);
        if (error < 0)
            return error;
        const char *at = strstr(ret_line, file);
        if (at && (at[wanted] == ' ' || at[wanted] == '\0'))
            return 0;
    }
    return -ENODATA;
}

int memory_policy_now(struct memory_policy *ret_policy, pid_t pid, pid_t tid)
{
    char path[80], file[PATH_MAX + 8], line[2 * PATH_MAX];
    int error = own_file(pid, file, sizeof(file));
    if (error < 0)
        return error;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/numa_maps", (int)pid, (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    error = find_line(fd, file, line);
    close(fd);
    const char *blank = error == 0 ? strchr(line, ' ') : NULL;
    if (error == 0)
        error = blank ? memory_policy_parse(ret_policy, blank + 1) : -EPROTO;
    return error;
}
