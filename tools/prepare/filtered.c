#include "tools/prepare/filtered.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_TEXT ((size_t)64 << 10)

extern char **environ;

/* --- files, by calls that are certain --- */

/* The beginning of a file as a text; "" where it cannot be read. The caller frees; NULL: out of memory. */
static char *read_text(const char *path)
{
    char *text = calloc(1, MOST_TEXT);
    int fd = text ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ssize_t count;
    for (size_t length = 0; fd >= 0 && length < MOST_TEXT - 1; length += (size_t)count)
        if ((count = read(fd, text + length, MOST_TEXT - 1 - length)) <= 0)
            break;
    if (fd >= 0)
        close(fd);
    return text;
}

/* The number of a line of /proc/PID/status; -1: there is none. */
static long status_of(const char *path, const char *line)
{
    char *text = read_text(path);
    const char *at = text ? strstr(text, line) : NULL;
    long number = at ? strtol(at + strlen(line), NULL, 10) : -1;
    free(text);
    return number;
}

/* --- is there one? --- */

static bool says_hard(const char *text)
{
    return text && strstr(text, "hard") != NULL;
}

/* Somewhere in the policy or in what overrides it; a comment with the word costs caution alone. */
static bool may_be_hard(const struct policy_options *options)
{
    const char *path = options->file ? options->file : getenv("NODEWISE_POLICY");
    char *text = path ? read_text(path) : NULL;
    bool hard = says_hard(text);
    free(text);
    for (size_t i = 0; i < options->set_count; i++)
        hard |= says_hard(options->sets[i]);
    for (char **entry = environ; *entry; entry++)
        hard |= strncmp(*entry, "NODEWISE_", 9) == 0 && says_hard(*entry);
    return hard;
}

bool filtered_look(const struct policy_options *options)
{
    return status_of("/proc/self/status", "\nSeccomp:\t") > 0 && !may_be_hard(options);
}

/* --- the rehearsal --- */

static bool is_of_engine(void)
{
    static const char line[] = "\nSeccomp_filters:\t";
    if (access("/.dockerenv", F_OK) != 0 && access("/run/.containerenv", F_OK) != 0 && !getenv("container") &&
        !getenv("KUBERNETES_SERVICE_HOST"))
        return false;
    return status_of("/proc/self/status", "\nPid:\t") == 1 ||
           status_of("/proc/self/status", line) == status_of("/proc/1/status", line);
}

static bool may_copy(void)
{
    const char *word = getenv("NODEWISE_FILTER");
    return (word && strcmp(word, "try") == 0) || is_of_engine();
}

static void be_silent(void)
{
    int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0)
        _exit(1);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
}

static bool is_dead(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    char *text = read_text(path);
    const char *at = text ? strrchr(text, ')') : NULL;
    bool dead = !at || strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0;
    free(text);
    return dead;
}

bool filtered_rehearse(int (*prepare)(const void *request), const void *request)
{
    enum { BEGUN, PREPARED, WAITED };
    _Atomic int *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED || !may_copy())
        return false;
    /* without an exit signal: if it cannot be collected, the program does not learn of it (clone(2)) */
    pid_t pid = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        be_silent();
        prepare(request);
        atomic_store(progress, PREPARED);
        waitpid(-1, NULL, WNOHANG);
        atomic_store(progress, WAITED);
        _exit(0);
    }
    while (pid > 0 && atomic_load(progress) != WAITED && !is_dead(pid))
        ; /* is_dead() makes calls enough to let the copy run; a call that sleeps is not certain */
    if (pid > 0 && atomic_load(progress) == WAITED)
        waitpid(pid, NULL, __WCLONE);
    bool prepared = atomic_load(progress) != BEGUN;
    munmap(progress, sizeof(*progress));
    return prepared;
}

/* --- the environment instead of a plan --- */

/* getcwd(2) is not certain; the shell's word for it is as good as any. NULL: out of memory. */
static char *absolute(const char *file)
{
    const char *folder = getenv("PWD");
    char *path = NULL;
    if (*file == '/' || !folder || *folder != '/')
        return strdup(file);
    return asprintf(&path, "%s/%s", folder, file) < 0 ? NULL : path;
}

static int export_path(const char *name, const char *file)
{
    char *path = absolute(file);
    int error = path && setenv(name, path, 1) == 0 ? 0 : -ENOMEM;
    free(path);
    return error;
}

/* rules.io.nodes=1 as NODEWISE_RULES__IO__NODES=1 */
static int export_setting(const char *setting)
{
    char name[512] = "NODEWISE_";
    size_t length = strlen(name);
    const char *at = setting;
    for (; *at && *at != '=' && length < sizeof(name) - 3; at++) {
        if (*at == '.')
            name[length++] = '_';
        name[length++] = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
    }
    name[length] = '\0';
    if (*at != '=')
        return -EINVAL;
    return setenv(name, at + 1, 1) == 0 ? 0 : -errno;
}

static bool has_word(const char *name)
{
    const char *word = getenv(name);
    return word && *word;
}

/* The library takes no policy for granted: it is told of `auto` where there is no other. */
static int export_policy(const struct policy_options *options)
{
    if (options->file && strncmp(options->file, "preset:", 7) == 0)
        return setenv("NODEWISE_POLICY", options->file, 1) == 0 ? 0 : -errno;
    if (options->file)
        return export_path("NODEWISE_POLICY", options->file);
    char *found = has_word("NODEWISE_POLICY") ? NULL : config_find_file(environ);
    int error = found || has_word("NODEWISE_POLICY") || setenv("NODEWISE_POLICY", CONFIG_AUTO, 1) == 0 ? 0 : -errno;
    free(found);
    return error;
}

int filtered_export(const struct policy_options *options, const char *report)
{
    int error = unsetenv("NODEWISE_PLAN") == 0 ? 0 : -errno;
    if (error == 0)
        error = export_policy(options);
    if (error == 0 && report)
        error = export_path("NODEWISE_REPORT", report);
    for (size_t i = 0; error == 0 && i < options->set_count; i++)
        error = export_setting(options->sets[i]);
    return error;
}
