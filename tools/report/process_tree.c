#include "tools/report/process_tree.h"

#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/process.h"

#define DEEPEST     64u /* generations below each other, and unlisted ones between two; who is deeper begins at the left */
#define TITLE_BYTES (TITLE_MOST + 4 * DEEPEST)

static const json_t *listed(const json_t *processes, pid_t pid)
{
    size_t index;
    const json_t *process;
    json_array_foreach(processes, index, process) {
        if (number_of(process, "pid") == pid)
            return process;
    }
    return NULL;
}

/* The nearest ancestor that is listed; 0: none. */
static pid_t listed_ancestor(const json_t *processes, const json_t *process)
{
    pid_t pid = (pid_t)number_of(process, "ppid");
    for (unsigned steps = 0; pid > 0 && steps < DEEPEST; steps++) {
        if (listed(processes, pid))
            return pid;
        pid = process_parent(pid);
    }
    return 0;
}

/* "42s", "12m", "3h12m", "5d3h". */
static void age_text(const json_t *process, char *ret_text, size_t size)
{
    const json_t *value = json_object_get(process, "seconds");
    long long seconds = json_integer_value(value);
    if (!json_is_integer(value))
        snprintf(ret_text, size, "-");
    else if (seconds < 60)
        snprintf(ret_text, size, "%llds", seconds);
    else if (seconds < 3600)
        snprintf(ret_text, size, "%lldm", seconds / 60);
    else if (seconds < 86400)
        snprintf(ret_text, size, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(ret_text, size, "%lldd%lldh", seconds / 86400, seconds / 3600 % 24);
}

/* A user without a name is a number. */
static void user_text(const json_t *process, char *ret_text, size_t size)
{
    if (*text_of(process, "user"))
        snprintf(ret_text, size, "%s", text_of(process, "user"));
    else
        snprintf(ret_text, size, "%lld", number_of(process, "uid"));
}

static void add_row(struct table *table, const json_t *process, unsigned depth)
{
    static const char *const keys[] = {"pid", "threads", "strict", "best_effort", "none"};
    char numbers[5][24], age[32], user[64], title[TITLE_BYTES];
    for (size_t i = 0; i < 5; i++)
        snprintf(numbers[i], sizeof(numbers[i]), "%lld", number_of(process, keys[i]));
    age_text(process, age, sizeof(age));
    user_text(process, user, sizeof(user));
    const char *policy = text_of(process, "policy"), *slash = *policy == '/' ? strrchr(policy, '/') : NULL;
    const char *text = *text_of(process, "title") ? text_of(process, "title") : text_of(process, "comm");
    snprintf(title, sizeof(title), "%*s%s%s", depth ? (int)(3 * depth - 3) : 0, "", depth ? "└─ " : "", text);
    const char *const cells[] = {numbers[0],
                                 user,
                                 age,
                                 numbers[1],
                                 numbers[2],
                                 numbers[3],
                                 numbers[4],
                                 text_of(process, "state"),
                                 slash ? slash + 1 : policy, /* --json has the path */
                                 title};
    table_row(table, cells);
}

static void add_with_children(struct table *table, const json_t *processes, json_t *process, unsigned depth)
{
    size_t index;
    json_t *child;
    if (truth_of(process, "shown") || depth >= DEEPEST)
        return;
    json_object_set_new(process, "shown", json_true());
    add_row(table, process, depth);
    json_array_foreach(processes, index, child) {
        if (number_of(child, "ancestor") == number_of(process, "pid"))
            add_with_children(table, processes, child, depth + 1);
    }
}

void process_tree_print(FILE *to, json_t *processes)
{
    static const char *const headings[] = {"PID",  "USER", "AGE",   "THREADS", "STRICT",
                                           "BEST", "NONE", "STATE", "POLICY",  "TITLE"};
    struct table *table = table_new(headings, sizeof(headings) / sizeof(*headings));
    size_t index;
    json_t *process;
    json_array_foreach(processes, index, process) {
        json_object_set_new(process, "ancestor", json_integer(listed_ancestor(processes, process)));
    }
    json_array_foreach(processes, index, process) {
        if (number_of(process, "ancestor") == 0)
            add_with_children(table, processes, process, 0);
    }
    json_array_foreach(processes, index, process) {
        add_with_children(table, processes, process, 0); /* of a circle, or too deep */
    }
    table_cut_last(table);
    table_print(to, table);
}
