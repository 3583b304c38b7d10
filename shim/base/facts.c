#include "shim/base/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define ARGUMENTS_SIZE 4096u

static char comm[16] ON_DATA_PAGE;
static char arguments[ARGUMENTS_SIZE];
static char parent_comm[16];

size_t facts_read_file(const char *path, char *ret_text, size_t size)
{
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t count = 0;
    if (fd < 0)
        return 0;
    while (length < size - 1 && (count = raw_read(fd, ret_text + length, size - 1 - length)) > 0)
        length += (size_t)count;
    raw_close(fd);
    ret_text[length] = '\0';
    return length;
}

size_t facts_read_thread_file(uint32_t tid, const char *name, char *ret_text, size_t size)
{
    char path[64] = "";
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, "/proc/self/task/");
    write_number(&writer, tid, 0);
    write_text(&writer, "/");
    write_text(&writer, name);
    return facts_read_file(path, ret_text, size);
}

/*
 * Reads field 22 of /proc/PID/stat. The name in field 2 may contain any character, so the count starts at the last ')'.
 */
static uint64_t read_start_ticks(uint32_t pid)
{
    char path[32] = "", text[512];
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, "/proc/");
    if (pid)
        write_number(&writer, pid, 0);
    else
        write_text(&writer, "self");
    write_text(&writer, "/stat");
    if (!facts_read_file(path, text, sizeof(text)))
        return 0;
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    at++;
    return read_number(&at);
}

/* The kernel takes 15 us to write that file, and every process with threads asks for its own twice. */
uint64_t facts_start_ticks(uint32_t pid)
{
    static _Atomic uint64_t own;
    static _Atomic int32_t of;
    if (pid)
        return read_start_ticks(pid);
    if (atomic_load(&of) != shim.pid || !shim.pid) {
        atomic_store(&own, read_start_ticks(0));
        atomic_store(&of, shim.pid);
    }
    return atomic_load(&own);
}

static const char *read_exe(void)
{
    char exe[PATH_MAX];
    ssize_t length = raw_readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (length <= 0)
        return NULL;
    exe[length] = '\0';
    return shim_keep(exe);
}

/* Does not use the parameters of main(): the first interposed call may come before a constructor receives them. */
static const char *read_arguments(void)
{
    size_t length = facts_read_file("/proc/self/cmdline", arguments, sizeof(arguments));
    if (!length)
        return NULL;
    for (size_t i = 0; i + 1 < length; i++)
        if (!arguments[i])
            arguments[i] = ' ';
    return arguments;
}

static const char *read_parent(void)
{
    char path[32] = "";
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, "/proc/");
    write_number(&writer, (uint64_t)raw_getppid(), 0);
    write_text(&writer, "/comm");
    size_t length = facts_read_file(path, parent_comm, sizeof(parent_comm));
    if (!length)
        return NULL;
    if (parent_comm[length - 1] == '\n')
        parent_comm[length - 1] = '\0';
    return parent_comm;
}

static bool plan_looks_at(enum plan_key key)
{
    const struct plan_view *plan = &shim.plan;
    for (uint32_t i = 0; i < plan->count[PLAN_TARGETS]; i++)
        if (plan->targets[i].condition.key == key)
            return true;
    for (uint32_t i = 0; i < plan->count[PLAN_CONDITIONS]; i++)
        if (plan->conditions[i].key == key)
            return true;
    return false;
}

/* The loader names the main program "". Rules that match library names therefore need the program's path. */
static bool needs_exe(void)
{
    return shim_needs(PLAN_NEEDS_LIBRARIES | PLAN_NEEDS_FUNCTIONS | PLAN_NEEDS_CALLSTACK);
}

/*
 * The path that execve(2) was given, from the auxiliary vector. Policies name a program by the path that starts it, and
 * that path may be a link (Debian's redis-server is one) or a script.
 */
static const char *given_path(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    return path && *path == '/' ? path : NULL;
}

/* The pattern's last component when it has no wildcard, else NULL. */
static const char *literal_name(const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    const char *name = slash ? slash + 1 : pattern;
    for (const char *at = name; *at; at++)
        if (strchr("*?[\\", *at))
            return NULL;
    return name;
}

/* glibc's loader (2.2.5): the beginning of the stack, where the kernel put argc and argv. */
extern void *__libc_stack_end __attribute__((weak));

/*
 * May the path be a script's? The kernel starts its interpreter then, with the path as the first argument or, behind one
 * of the script's, as the second.
 */
static bool may_be_script(const char *path)
{
    if (!&__libc_stack_end)
        return true;
    char *const *argv = (char *const *)__libc_stack_end + 1;
    for (unsigned i = 0; i < 3; i++, argv++)
        if (!*argv || (i && !strcmp(*argv, path)))
            return *argv != NULL;
    return false;
}

static bool is_link(const char *path)
{
    struct stat info;
    return raw_lstat(path, &info) != 0 || S_ISLNK(info.st_mode);
}

static bool may_match(const struct plan_condition *condition, const char *name)
{
    const struct plan_view *plan = &shim.plan;
    for (uint32_t i = 0; i < condition->count; i++) {
        const char *wanted = literal_name(plan_text(plan, plan->patterns[condition->first + i]));
        if (!wanted || !strcmp(wanted, name))
            return true;
    }
    return false;
}

/*
 * Links among the folders of a path do not change its last component. If that is not a link and every pattern ends in
 * another name, the resolved path cannot match either. This is the usual case where the environment of one service
 * reaches many programs.
 */
bool facts_rule_out_exe(void)
{
    const struct plan_view *plan = &shim.plan;
    const char *path = given_path();
    if (!path)
        return false;
    const char *name = strrchr(path, '/') + 1;
    for (uint32_t i = 0; i < plan->count[PLAN_TARGETS]; i++) {
        const struct plan_condition *condition = &plan->targets[i].condition;
        if (condition->key == PLAN_KEY_PROCESS_EXE && !may_match(condition, name))
            return !may_be_script(path) && !is_link(path);
    }
    return false;
}

bool facts_read_exe(void)
{
    if (shim.facts.exe || !plan_looks_at(PLAN_KEY_PROCESS_EXE))
        return false;
    shim.facts.exe = read_exe();
    return shim.facts.exe != NULL;
}

void facts_read(void)
{
    if (plan_looks_at(PLAN_KEY_PROCESS_COMM))
        sys_get_name(comm);
    shim.facts = (struct process_facts){
        .exe = needs_exe() ? read_exe() : NULL,
        .exe_link = given_path(),
        .comm = comm,
        .argv = plan_looks_at(PLAN_KEY_PROCESS_ARGV) ? read_arguments() : NULL,
        .parent_comm = shim_needs(PLAN_NEEDS_PARENT) || plan_looks_at(PLAN_KEY_PARENT_COMM) ? read_parent() : NULL,
        .index = PLAN_NONE,
        .uid = shim.uid,
    };
}

void facts_complete(void)
{
    struct process_facts *facts = &shim.facts;
    facts_keep();
    if (!facts->exe)
        facts->exe = read_exe();
    if (!facts->argv)
        facts->argv = read_arguments();
    if (!facts->parent_comm)
        facts->parent_comm = read_parent();
}

void facts_keep(void)
{
    if (!*comm)
        sys_get_name(comm);
}

void facts_read_title(void)
{
    if (shim.facts.argv)
        shim.facts.argv = read_arguments();
}

void facts_forked(void)
{
    shim.facts.forked = true;
    memcpy(parent_comm, comm, sizeof(parent_comm));
    shim.facts.parent_comm = parent_comm;
    /* redis, nginx and postgres change their titles; a rule on the arguments matches the current title */
    facts_read_title();
}
