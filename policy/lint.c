#include <stdio.h>
#include <string.h>

#include "policy/compile.h"

#define NAME_BYTES 15u /* TASK_COMM_LEN - 1, prctl(2) PR_SET_NAME */

/* --- names that the kernel would have cut --- */

/* The fewest bytes that a text must have to match. */
static size_t shortest_match(const char *pattern)
{
    size_t bytes = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p == '*')
            continue;
        if (*p == '\\' && p[1])
            p++;
        if (*p == '[') {
            const char *end = strchr(p + 1, ']');
            if (end)
                p = end;
        }
        bytes++;
    }
    return bytes;
}

static void lint_thread_names(const struct match *match, struct diag_list *diags)
{
    for (size_t i = 0; i < match->thread.count; i++) {
        const char *pattern = match->thread.items[i].value;
        char help[NAME_BYTES + 4];
        if (shortest_match(pattern) <= NAME_BYTES)
            continue;
        snprintf(help, sizeof(help), "\"%.15s\"", pattern);
        if (strpbrk(pattern, "*?[\\") && strcspn(pattern, "*?[\\") < NAME_BYTES)
            snprintf(help, sizeof(help), "\"%.14s*\"", pattern);
        diag_add(diags, DIAG_W007, match->thread.items[i].span, NULL, help,
                 "\"%s\" can never match: a thread name has at most 15 bytes", pattern);
    }
}

/* --- programs, by their path --- */

/* A resolved path begins with '/', so a pattern has to begin with what matches that. */
static void lint_paths(const struct text_list *paths, struct diag_list *diags)
{
    for (size_t i = 0; i < paths->count; i++) {
        const char *pattern = paths->items[i].value;
        char help[160];
        if (!*pattern || strchr("/*?[\\", *pattern))
            continue;
        snprintf(help, sizeof(help), "\"*/%.80s\", or the name alone: `comm`", pattern);
        diag_add(diags, DIAG_W007, paths->items[i].span, NULL, help,
                 "\"%s\" can never match: it is compared with the whole path of the program", pattern);
    }
}

/* --- rules that an earlier rule hides --- */

/*
 * Does every text that `narrow` matches also match `wide`? Certain for a wide pattern of plain characters and
 * '*': reading the narrow pattern as a text, its wildcards can only fall under a '*' of the wide one. Other
 * patterns are only compared for equality, so the answer may be a false no, never a false yes.
 */
static bool pattern_covers(const char *wide, const char *narrow)
{
    if (strcmp(wide, narrow) == 0)
        return true;
    return !strpbrk(wide, "?[\\") && glob_match(wide, narrow);
}

static bool texts_cover(const struct text_list *wide, const struct text_list *narrow)
{
    if (wide->count == 0)
        return true;
    if (narrow->count == 0)
        return false;
    for (size_t i = 0; i < narrow->count; i++) {
        bool covered = false;
        for (size_t k = 0; k < wide->count && !covered; k++)
            covered = pattern_covers(wide->items[k].value, narrow->items[i].value);
        if (!covered)
            return false;
    }
    return true;
}

static bool ranges_cover(const struct index_range *wide, size_t wide_count, const struct index_range *narrow,
                         size_t narrow_count)
{
    if (wide_count == 0)
        return true;
    for (size_t i = 0; i < narrow_count; i++) {
        bool covered = false;
        for (size_t k = 0; k < wide_count && !covered; k++)
            covered = wide[k].first <= narrow[i].first && narrow[i].last <= wide[k].last;
        if (!covered)
            return false;
    }
    return narrow_count > 0;
}

static bool tri_covers(enum tri wide, enum tri narrow)
{
    return wide == TRI_ANY || wide == narrow;
}

/* Can the clause take the main thread away from its union mask (match.h). */
static bool names_main(const struct match *m)
{
    return m->main == TRI_TRUE || m->forked == TRI_TRUE || m->thread.count || m->process_exe.count ||
           m->process_comm.count || m->process_argv.count || m->parent_comm.count || m->process_index_count;
}

static bool match_covers(const struct match *wide, const struct match *narrow)
{
    if (names_main(narrow) && !names_main(wide))
        return false;
    return tri_covers(wide->unnamed, narrow->unnamed) && tri_covers(wide->main, narrow->main) &&
           tri_covers(wide->forked, narrow->forked) &&
           ranges_cover(wide->index, wide->index_count, narrow->index, narrow->index_count) &&
           ranges_cover(wide->process_index, wide->process_index_count, narrow->process_index,
                        narrow->process_index_count) &&
           texts_cover(&wide->thread, &narrow->thread) && texts_cover(&wide->start_library, &narrow->start_library) &&
           texts_cover(&wide->start_function, &narrow->start_function) &&
           texts_cover(&wide->creator_library, &narrow->creator_library) &&
           texts_cover(&wide->creator_function, &narrow->creator_function) &&
           texts_cover(&wide->stack_library, &narrow->stack_library) &&
           texts_cover(&wide->stack_function, &narrow->stack_function) &&
           texts_cover(&wide->process_exe, &narrow->process_exe) &&
           texts_cover(&wide->process_comm, &narrow->process_comm) &&
           texts_cover(&wide->process_argv, &narrow->process_argv) &&
           texts_cover(&wide->parent_comm, &narrow->parent_comm);
}

static bool rule_covers(const struct rule *wide, const struct match *narrow)
{
    for (size_t i = 0; i < wide->match_count; i++)
        if (match_covers(&wide->matches[i], narrow))
            return true;
    return false;
}

/* The first earlier rule that hides one table of match, or NULL. */
static const struct rule *hiding_rule(const struct policy *policy, size_t rule, const struct match *match)
{
    for (size_t i = 0; i < rule; i++)
        if (rule_covers(&policy->rules[i], match))
            return &policy->rules[i];
    return NULL;
}

static void lint_reachable(const struct policy *policy, size_t index, struct diag_list *diags)
{
    const struct rule *rule = &policy->rules[index];
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct rule *first = hiding_rule(policy, index, &rule->matches[i]);
        if (!first)
            continue;
        diag_add(diags, DIAG_W022, rule->matches[i].span, NULL, "move the narrower rule before the wider one",
                 rule->match_count > 1
                     ? "this alternative of rule \"%s\" can never match: rule \"%s\" takes its threads first"
                     : "rule \"%s\" can never match: rule \"%s\" takes its threads first",
                 rule->name, first->name);
    }
}

/* --- placements that surprise --- */

static void lint_memory(const struct placement *placement, const char *name, struct diag_list *diags)
{
    struct span span = placement->memory.policy_span;
    if (placement->memory.policy == MEM_BIND && !diag_said(diags, DIAG_W023, span))
        diag_add(diags, DIAG_W023, span, NULL, "policy = \"preferred\" uses the same nodes and spills",
                 "rule \"%s\" binds memory: when its nodes are full the program is killed", name);
}

/* Does some place of the wider level hold more than one last-level cache. */
static bool spans_caches(const struct topology *topology, enum level wider)
{
    for (size_t i = 0; i < topology->place_count[wider]; i++) {
        size_t caches = 0;
        for (size_t k = 0; k < topology->place_count[LEVEL_L3]; k++)
            caches += cpuset_intersects(&topology->places[wider][i].cpus, &topology->places[LEVEL_L3][k].cpus);
        if (caches > 1)
            return true;
    }
    return false;
}

static void lint_caches(const struct placement *placement, const struct rule *rule, const struct topology *topology,
                        struct diag_list *diags)
{
    bool wider = placement->bind_to == LEVEL_NODE || placement->bind_to == LEVEL_SOCKET;
    if (placement->level == LEVEL_L3 && wider && spans_caches(topology, placement->bind_to))
        diag_add(diags, DIAG_W024, rule->span, NULL, "bind_to = \"l3\" keeps each thread under its cache",
                 "rule \"%s\" walks over caches but binds to a whole %s", rule->name,
                 word_of(&words_level, placement->bind_to));
}

static void lint_match(const struct match *match, struct diag_list *diags)
{
    lint_thread_names(match, diags);
    lint_paths(&match->process_exe, diags);
}

void policy_lint(const struct policy *policy, const struct topology *topology, struct diag_list *diags)
{
    lint_paths(&policy->target.exe, diags);
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        for (size_t m = 0; m < rule->match_count; m++)
            lint_match(&rule->matches[m], diags);
        lint_reachable(policy, i, diags);
        lint_memory(&rule->placement, rule->name, diags);
        if (topology)
            lint_caches(&rule->placement, rule, topology, diags);
    }
    if (policy->has_defaults)
        lint_memory(&policy->defaults, "defaults", diags);
}
