/*
 * config: text to struct policy. Finds and reads the layers, merges them, checks every key against the key
 * table and reports all errors at once.
 *
 *   built-in < policy file (its `extends` below it, `<file>.d` with *.toml above it) < environment < --set
 *
 * Where there is no policy file, the preset `auto` takes its place.
 *
 * Ownership: config_free() releases the whole result. Threads: reads the environment and files, so call it
 * from one thread. Errors are findings in `diags`; the return value says only whether a policy exists.
 */
#ifndef NODEWISE_CONFIG_CONFIG_H
#define NODEWISE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include "policy/diag.h"
#include "policy/policy.h"

struct config_request {
    const char *file;        /* -p, or NULL: NODEWISE_POLICY, then the standard places */
    const char *const *sets; /* "key.path=value" of --set, in order */
    size_t set_count;
    char *const *environment; /* NULL-terminated NAME=VALUE, or NULL for none */
    bool no_search;           /* this file, or none: neither the standard places nor `auto` (check FILE, tests) */
    bool no_default;          /* `auto` only below variables or --set that say something, else -ENOENT */
};

struct config {
    struct policy *policy; /* NULL after errors */
    struct diag_list diags;
    char *main_file;         /* the policy file that was used, CONFIG_AUTO, or NULL (no_search: environment alone) */
    bool found;              /* any layer said anything */
    uint64_t identity;       /* hash over all layers' contents: a plan's policy_id */
    struct sources *sources; /* texts read, for carets */
    struct value *tree;      /* merged value tree, for config_show() */
};

/* 0 with a policy, -EINVAL with findings, -ENOENT when no layer says anything (no finding), -ENOMEM. */
int config_load(struct config *ret_config, const struct config_request *request);
void config_free(struct config *config);

struct print_style {
    bool colour;
    bool json;       /* an array of objects instead of text */
    bool hide_notes; /* errors and warnings alone: what `run` says at every start */
};

/* All findings, as `redis.toml:14:1: error[E012]: …` with line and caret. Adds nothing when the list is empty. */
void diag_print(FILE *to, const struct diag_list *diags, const struct sources *sources, struct print_style style);

/*
 * `config show [--origin]`: every effective key (json: an object path -> {value, origin}). Built-in values are
 * shown outside rules; a rule shows what it sets and what it takes from [defaults].
 */
void config_show(FILE *to, const struct config *config, bool origin, bool json);
/* `config schema`: the JSON Schema (draft-04) from the key table. */
int config_schema(FILE *to);
/* `explain KEY`: type, values, default, environment name, meaning. false: no such key. */
bool config_explain(FILE *to, const char *key, bool json);
/* nodewise.toml(5)'s key reference from the key table, as roff with man(7) macros: .SS a table, .TP a key. */
void config_manual(FILE *to);

/* The policy file that holds when none is named, in the standard places; malloc'd. NULL: there is none. */
char *config_find_file(char *const *environment);

/* The preset for programs without a policy. Its text is part of the program, as it is in its file among the others. */
#define CONFIG_AUTO "preset:auto"
extern const char config_auto_text[];
/* Does "preset:NAME" mean it. */
bool config_is_auto(const char *name);

/*
 * Presets of `init`: the files under config/presets/, found beside the running program: in its build tree or
 * where it was installed. 0 with a malloc'd path, -ENOENT, -ENOMEM.
 */
int config_preset_path(char **ret_path, const char *name);
/* Hands over the name of each, in order. 0; -ENOENT: none are installed. */
int config_presets(void (*take)(const char *name, void *context), void *context);
/* The preset that was meant, malloc'd; NULL: none is near. */
char *config_preset_near(const char *name);

#endif
