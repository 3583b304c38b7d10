#include "tools/learn/write_policy.h"

#include <ctype.h>
#include <string.h>

#include "tools/common/json_fields.h"

#define BUSY_SHARE 0.02 /* of all CPU time: below, a group is background */
#define NAME_MOST  31u
#define USES_LEAST 20u /* samples: fewer say little */
#define MIB        (1u << 20)
#define ALL_LEAST  3u  /* threads: two always share with all others */
#define CHANGES    4.0 /* of hands, for each two threads: fewer say little */
#define EVEN       0.8 /* unevenness below which each thread shares with all others; chance alone makes 0.4 of so few */
#define ONE_CPU    1.2 /* that all threads together use: one runs at a time, or hardly more */

/* A comment ends with its line, whatever a program calls itself. */
static void comment_text(FILE *to, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text, to);
}

/* A basic string of TOML; names are bytes of any program's choice, and what is not ASCII becomes '?' of globs. */
static void quoted(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text, to);
    }
    fputc('"', to);
}

/* A rule's name: letters, digits, single '-'; unique by its number where it would not be. */
static void rule_name(const struct groups *groups, size_t index, char *ret_name, size_t size)
{
    const struct group *group = &groups->items[index];
    const char *slash = strrchr(group->library, '/');
    const char *from = *group->pattern   ? group->pattern
                       : *group->library ? (slash ? slash + 1 : group->library)
                                         : "unnamed";
    size_t at = 0;
    for (; *from && at + 1 < size && at < NAME_MOST - 4; from++) {
        if (isalnum((unsigned char)*from))
            ret_name[at++] = (char)tolower((unsigned char)*from);
        else if (at && ret_name[at - 1] != '-')
            ret_name[at++] = '-';
    }
    while (at && ret_name[at - 1] == '-')
        at--;
    if (!at)
        at = (size_t)snprintf(ret_name, size, "threads");
    snprintf(ret_name + at, size - at, "-%zu", index);
}

static double share_of(const struct groups *groups, const struct group *group)
{
    return groups->ran_ns ? (double)group->ran_ns / (double)groups->ran_ns : 0;
}

static void write_other(FILE *to, const struct group *group, const struct group *other)
{
    comment_text(to, other == group    ? "each other"
                     : other->is_main  ? "main"
                     : *other->pattern ? other->pattern
                                       : "unnamed threads");
}

/* Of the samples of its work on large blocks: whose they were. Its own are no news. */
static void write_uses(FILE *to, const struct groups *groups, const struct group *group)
{
    uint64_t all = 0;
    for (size_t i = 0; i < groups->count; i++)
        all += group->uses[i];
    for (size_t i = 0; i < groups->count; i++) {
        double share = all >= USES_LEAST ? (double)group->uses[i] / (double)all : 0;
        if (share < 0.05 || &groups->items[i] == group)
            continue;
        fputs("# works on large blocks of ", to);
        write_other(to, group, &groups->items[i]);
        fprintf(to, " (%.0f %% of its work on large blocks): memory.next_touch, the default, moves them here\n",
                share * 100);
    }
}

static bool share(const struct group *group)
{
    double pairs = (double)group->threads * (double)(group->threads - 1) / 2;
    return pairs > 0 && (double)group->changes >= CHANGES * pairs;
}

static bool share_all(const struct group *group)
{
    return group->threads >= ALL_LEAST && share(group) && group->unevenness < EVEN;
}

static void write_shared(FILE *to, const struct group *group)
{
    if (share_all(group))
        fputs("# each of them uses the same memory as all the others\n", to);
    else if (share(group))
        fputs("# some of them use the same memory\n", to);
}

static void write_seen(FILE *to, const struct groups *groups, const struct group *group,
                       const struct observed *observed)
{
    fprintf(to, "# %zu thread%s, %.0f %% of the CPU time", group->threads, group->threads == 1 ? "" : "s",
            100 * share_of(groups, group));
    if (observed->seconds > 0)
        fprintf(to, " (%.2f CPUs on average)", (double)group->ran_ns / 1e9 / observed->seconds);
    if (__builtin_popcountll(group->nodes) > 1)
        fprintf(to, ", seen on %d nodes", __builtin_popcountll(group->nodes));
    fputc('\n', to);
    if (*group->creator) {
        fputs("# made by ", to);
        comment_text(to, group->creator);
        fputc('\n', to);
    }
    if (group->bytes >= MIB)
        fprintf(to, "# made %.0f MiB of the memory\n", (double)group->bytes / MIB);
    for (size_t i = 0; i < groups->count; i++)
        if (group->talks[i]) {
            fputs("# waits for the same things as ", to);
            write_other(to, group, &groups->items[i]);
            fputc('\n', to);
        }
    write_shared(to, group);
    write_uses(to, groups, group);
}

static void write_match(FILE *to, const struct group *group)
{
    fputs("match = { ", to);
    if (*group->pattern) {
        fputs("thread = ", to);
        quoted(to, group->pattern);
    } else if (*group->library) {
        fputs("unnamed = true, start_library = ", to);
        quoted(to, group->library);
        if (*group->function) {
            fputs(", start_function = ", to);
            quoted(to, group->function);
        }
    } else {
        fputs("unnamed = true", to);
    }
    fputs(" }\n", to);
}

static bool talks(const struct groups *groups, const struct group *group)
{
    for (size_t i = 0; i < groups->count; i++)
        if (group->talks[i])
            return true;
    return false;
}

static bool is_busy(const struct groups *groups, const struct group *group)
{
    return share_of(groups, group) >= BUSY_SHARE;
}

/* Threads that a lock lets run one after the other, or that hardly run: a node is enough for all. */
static bool is_one_at_a_time(const struct groups *groups, const struct observed *observed)
{
    return observed->seconds > 0 && (double)groups->ran_ns / 1e9 / observed->seconds < ONE_CPU;
}

/* Is half of the memory this group's? */
static bool made_most(const struct groups *groups, const struct group *group)
{
    uint64_t all = 0;
    for (size_t i = 0; i < groups->count; i++)
        all += groups->items[i].bytes;
    return all && group->bytes * 2 >= all;
}

/* What all threads of a busy group use has no right node: each serves a part of it. */
static bool is_everybodys(const struct groups *groups, const struct observed *observed, const struct group *maker)
{
    bool all = false;
    for (size_t i = 0; i < groups->count; i++)
        all = all || (is_busy(groups, &groups->items[i]) && share_all(&groups->items[i]));
    return all && made_most(groups, maker) && !is_one_at_a_time(groups, observed);
}

static const char *distribution_of(const struct groups *groups, const struct group *group,
                                   const struct observed *observed)
{
    if (!is_busy(groups, group))
        return "distribution = \"inherit\" # background: near their creators\n";
    if (is_one_at_a_time(groups, observed))
        return "distribution = \"primary\" # one runs at a time: a node is enough for all\n";
    if (share_all(group) && !talks(groups, group))
        return "distribution = \"least_loaded\" # all share with all: no two belong together\n";
    if (share(group) || talks(groups, group))
        return "distribution = \"sharing\" # those that share something come to one node\n";
    return "distribution = \"sharing\" # independent of each other, as far as was seen\n";
}

static void write_placement(FILE *to, const struct groups *groups, const struct group *group,
                            const struct observed *observed)
{
    fputs("bind_to = \"node\"\n", to);
    fputs(distribution_of(groups, group, observed), to);
    if (!is_busy(groups, group))
        return;
    fputs("level = \"node\"\n", to);
    if (is_everybodys(groups, observed, group))
        fputs("memory = { stack = \"local\", policy = \"interleave\" } # they made what all use\n", to);
    else
        fputs("memory = { stack = \"local\" }\n", to);
}

/* A rule for main alone where its memory has to go elsewhere. */
static void write_main(FILE *to, const struct groups *groups, const struct group *group,
                       const struct observed *observed)
{
    bool everybodys = is_everybodys(groups, observed, group), one = is_one_at_a_time(groups, observed);
    if (!everybodys && !(one && groups->count > 1)) {
        fputs("\n# main keeps the CPUs of all rules: pinning it makes many programs believe in few CPUs.\n", to);
        write_seen(to, groups, group, observed);
        return;
    }
    fputs(
        everybodys
            ? "\n# main keeps all CPUs; what it makes is used by all threads, and each node serves a part.\n[[rules]]\n"
            : "\n# main is on the node of the others, which it takes turns with.\n[[rules]]\n",
        to);
    write_seen(to, groups, group, observed);
    fputs("name = \"main\"\nmatch = { main = true }\n", to);
    fputs(everybodys ? "bind_to = \"none\"\nmemory = { policy = \"interleave\" }\n"
                     : "bind_to = \"node\"\ndistribution = \"primary\"\n",
          to);
}

static void write_memory(FILE *to, const json_t *report)
{
    size_t index;
    json_t *region;
    json_array_foreach(json_object_get(json_object_get(report, "arenas"), "regions"), index, region) {
        if (json_is_integer(json_object_get(region, "node")))
            fprintf(to, "# memory of malloc on node %lld at the end: %.1f MiB\n", number_of(region, "node"),
                    (double)number_of(region, "in_use") / (1 << 20));
    }
}

void write_policy(FILE *to, const struct groups *groups, const struct observed *observed, const json_t *report,
                  char *const *command)
{
    const json_t *process = json_object_get(report, "process");
    fputs("# Learned from one run of:", to);
    for (; *command; command++) {
        fputc(' ', to);
        comment_text(to, *command);
    }
    fprintf(to, "\n# %.1f s, %lld threads started, %u at once. Read it before you use it: one run is one run.\n",
            observed->seconds, number_of(process, "threads_started"), observed->most_at_once);
    write_memory(to, report);
    fputs("schema = 1\n\n[target]\nexe = ", to);
    quoted(to, text_of(process, "exe"));
    fputs("\ncomm = ", to); /* one file may be several programs by its name */
    quoted(to, text_of(process, "comm"));
    fputs("\n\n# Threads that no rule below takes: within a node, near their creators.\n"
          "[defaults]\nbind_to = \"node\"\ndistribution = \"inherit\"\n",
          to);
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        char name[NAME_MOST + 8];
        if (group->is_main) {
            write_main(to, groups, group, observed);
            continue;
        }
        rule_name(groups, i, name, sizeof(name));
        fputs("\n[[rules]]\n", to);
        write_seen(to, groups, group, observed);
        fprintf(to, "name = \"%s\"\n", name);
        write_match(to, group);
        write_placement(to, groups, group, observed);
    }
}
