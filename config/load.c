#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "config/config.h"
#include "config/layers.h"
#include "config/meaning.h"
#include "config/merge.h"
#include "config/needs.h"
#include "config/read.h"

/* The value of a variable in a NULL-terminated NAME=VALUE list, or NULL. */
static const char *environment_value(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static char *existing(const char *directory, const char *rest)
{
    char *path;
    if (asprintf(&path, "%s%s", directory, rest) < 0)
        return NULL;
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* The standard places, never the working directory: a policy must not come with a downloaded archive. */
char *config_find_file(char *const *environment)
{
    if (getauxval(AT_EUID) != 0) { /* no call: under a filter that kills for some, `run` looks here, too */
        const char *config_home = environment_value(environment, "XDG_CONFIG_HOME");
        const char *home = environment_value(environment, "HOME");
        char *path = NULL;
        if (config_home && config_home[0] == '/') /* XDG: relative paths are invalid */
            path = existing(config_home, "/nodewise/policy.toml");
        else if (home && home[0] == '/')
            path = existing(home, "/.config/nodewise/policy.toml");
        if (path)
            return path;
    }
    char *path = existing("/etc", "/nodewise/policy.toml");
    return path ? path : existing("/usr/lib", "/nodewise/policy.toml");
}

static char *choose_file(const struct config_request *request)
{
    if (request->file)
        return strdup(request->file);
    const char *named = environment_value(request->environment, "NODEWISE_POLICY");
    if (named && named[0])
        return strdup(named);
    return request->no_search ? NULL : config_find_file(request->environment);
}

/* FNV-1a over the names and texts of all sources in order. */
static uint64_t identity_of(const struct sources *sources)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        const struct {
            const char *bytes;
            size_t size;
        } parts[] = {{source->name, strlen(source->name) + 1}, {source->text, source->size + 1}};
        for (size_t p = 0; p < 2; p++)
            for (size_t at = 0; at < parts[p].size; at++)
                hash = (hash ^ (unsigned char)parts[p].bytes[at]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

struct ranked {
    struct diag diag;
    int source;
    size_t order;
};

static int by_place(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->diag.span.line != y->diag.span.line)
        return x->diag.span.line < y->diag.span.line ? -1 : 1;
    if (x->diag.span.column != y->diag.span.column)
        return x->diag.span.column < y->diag.span.column ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* In the order of the text: the tree's order is not the file's. Without memory they stay as they are. */
static void sort_findings(struct diag_list *diags, const struct sources *sources)
{
    struct ranked *ranked = calloc(diags->count + 1, sizeof(*ranked));
    if (!ranked)
        return;
    for (size_t i = 0; i < diags->count; i++)
        ranked[i] = (struct ranked){diags->items[i], sources_find(sources, diags->items[i].span.source), i};
    qsort(ranked, diags->count, sizeof(*ranked), by_place);
    for (size_t i = 0; i < diags->count; i++)
        diags->items[i] = ranked[i].diag;
    free(ranked);
}

/* Puts `auto` below what the variables and --set have said. */
static int add_default(struct config *config, const struct config_request *request, struct layers *layers)
{
    const struct value *above = layers->tree;
    if (config->main_file || request->no_search || (request->no_default && !above))
        return 0;
    layers->tree = NULL;
    config->main_file = strdup(CONFIG_AUTO);
    int error = config->main_file ? layers_add_file(layers, CONFIG_AUTO) : -ENOMEM;
    if (error == 0 && above)
        layers->tree = merge_layers(&layers->sources->pool, layers->tree, above);
    return error < 0 ? error : layers->tree || layers->diags->errors ? 0 : -ENOMEM;
}

static int read_layers(struct config *config, const struct config_request *request, struct layers *layers)
{
    int error = 0;
    bool is_stdin = request->file && strcmp(request->file, "-") == 0;
    config->main_file = is_stdin ? strdup("stdin") : choose_file(request);
    if (is_stdin)
        error = config->main_file ? layers_add_stdin(layers) : -ENOMEM;
    else if (config->main_file)
        error = layers_add_file(layers, config->main_file);
    if (error == 0)
        error = layers_add_environment(layers, request->environment);
    for (size_t i = 0; error == 0 && i < request->set_count; i++)
        error = layers_add_setting(layers, request->sets[i]);
    if (error == 0)
        error = add_default(config, request, layers);
    config->tree = layers->tree;
    config->found = config->main_file || layers->tree || layers->diags->errors;
    return error;
}

static int build_policy(struct config *config)
{
    if (!config->tree)
        return 0;
    config->policy = policy_new();
    int error = config->policy ? policy_read(config->policy, config->tree, NULL) : -ENOMEM;
    if (error < 0)
        return error;
    meaning_check(config->policy, &config->diags);
    if (!config->diags.errors)
        needs_check(config->tree, &config->diags);
    if (!config->diags.errors && !config->policy->rule_count && !config->policy->has_defaults)
        diag_add(&config->diags, DIAG_W002, (struct span){config->tree->span.source, 0, 0, 1}, NULL, NULL,
                 "the policy has neither rules nor [defaults]");
    return 0;
}

int config_load(struct config *ret_config, const struct config_request *request)
{
    struct config config = {.sources = sources_new()};
    if (!config.sources)
        return -ENOMEM;
    struct layers layers = {.sources = config.sources, .diags = &config.diags};
    int error = read_layers(&config, request, &layers);
    if (error == 0)
        error = build_policy(&config);
    sort_findings(&config.diags, config.sources);
    config.identity = identity_of(config.sources);

    if (error == 0 && !config.found)
        error = -ENOENT;
    if (error == 0 && (config.diags.errors || !config.policy))
        error = -EINVAL;
    if (error < 0) {
        policy_free(config.policy);
        config.policy = NULL;
    }
    *ret_config = config;
    return error;
}

void config_free(struct config *config)
{
    policy_free(config->policy);
    diag_list_free(&config->diags);
    sources_free(config->sources);
    free(config->main_file);
    *config = (struct config){0};
}
