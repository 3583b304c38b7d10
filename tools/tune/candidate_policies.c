/*
 * A policy of the user's, and variations of it: of each rule, and of [defaults], one key at a time has another value.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/prepare/prepare.h"
#include "tools/tune/candidate.h"

static const enum distribution distributions[] = {DIST_COMPACT, DIST_SCATTER, DIST_LEAST_LOADED, DIST_SHARING};
static const enum level levels[] = {LEVEL_NONE, LEVEL_NODE, LEVEL_L3, LEVEL_CORE, LEVEL_CPU};

/* What `extends` takes from any folder. malloc'd; NULL: there is no such file, or no memory. */
static char *lasting_name(const char *file)
{
    return strncmp(file, "preset:", 7) == 0 ? strdup(file) : realpath(file, NULL);
}

static char *text_over(const char *base, const char *table, const char *key, const char *value)
{
    char *text = NULL, *quoted = candidate_quote(base);
    if (quoted && asprintf(&text, "schema = 1\nextends = %s\n%s%s%s%s%s%s", quoted, table, key, *key ? " = \"" : "",
                           value, *key ? "\"" : "", *key ? "\n" : "") < 0)
        text = NULL;
    free(quoted);
    return text;
}

struct variations {
    struct candidates *candidates;
    const struct topology *topology;
    const char *base;
    char table[128]; /* "[[rules]]\nname = \"io\"\n" */
    char path[96];   /* "rules.io" */
};

static void add_variation(const struct variations *variations, const char *key, const char *value)
{
    char *name = NULL;
    if (asprintf(&name, "%s.%s=%s", variations->path, key, value) < 0)
        name = NULL;
    candidate_add(variations->candidates, "policy", name, text_over(variations->base, variations->table, key, value));
}

static void vary(const struct variations *variations, const struct placement *placement)
{
    for (size_t i = 0; i < sizeof(distributions) / sizeof(*distributions); i++)
        if (distributions[i] != placement->distribution)
            add_variation(variations, "distribution", word_of(&words_distribution, distributions[i]));
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        bool is_another = levels[i] == LEVEL_NONE || variations->topology->place_count[levels[i]] > 1;
        if (levels[i] != placement->bind_to && is_another)
            add_variation(variations, "bind_to", word_of(&words_level, levels[i]));
    }
    if (variations->topology->node_count > 1 && placement->memory.policy != MEM_INTERLEAVE)
        add_variation(variations, "memory.policy", word_of(&words_mem_policy, MEM_INTERLEAVE));
}

/* Of each rule; where there is none, of [defaults]. Those of pools are their pools'. */
static void add_variations(struct variations *variations, const struct policy *policy)
{
    for (size_t i = policy->pool_count; i < policy->rule_count; i++) {
        const char *name = policy->rules[i].name;
        snprintf(variations->path, sizeof(variations->path), "rules.%s", name);
        snprintf(variations->table, sizeof(variations->table), "\n[[rules]]\nname = \"%s\"\n", name);
        vary(variations, &policy->rules[i].placement);
    }
    if (policy->rule_count > policy->pool_count)
        return;
    snprintf(variations->path, sizeof(variations->path), "defaults");
    snprintf(variations->table, sizeof(variations->table), "\n[defaults]\n");
    vary(variations, &policy->defaults);
}

static bool read_policy(const char *file, struct prepared *ret_prepared, char **ret_base, enum talk talk)
{
    const struct policy_options options = {.file = file, .no_search = true};
    *ret_base = prepare_policy(ret_prepared, &options, talk) == EXIT_OK ? lasting_name(file) : NULL;
    return *ret_base;
}

int candidates_add_policy(struct candidates *candidates, const char *file)
{
    struct prepared prepared;
    struct candidate *added = NULL;
    char *base;
    if (read_policy(file, &prepared, &base, TALK_WARNINGS))
        added = candidate_add(candidates, "policy", strdup(file), text_over(base, "", "", ""));
    if (added && asprintf(&added->options, "-p %s", file) < 0)
        added->options = NULL;
    free(base);
    prepared_free(&prepared);
    return added ? EXIT_OK : EXIT_BAD_INPUT;
}

void candidates_add_variations(struct candidates *candidates, const struct topology *topology, const char *file)
{
    struct prepared prepared;
    struct variations variations = {.candidates = candidates, .topology = topology};
    char *base;
    if (read_policy(file, &prepared, &base, TALK_ERRORS)) {
        variations.base = base;
        add_variations(&variations, prepared.config.policy);
    }
    free(base);
    prepared_free(&prepared);
}
