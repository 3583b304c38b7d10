/*
 * Environment variables and --set: a path to one key, and a value as text. NODEWISE_RULES__IO__NODES=1 and
 * --set rules.io.nodes=1 both become the tree that `[[rules]] name = "io" nodes = "1"` would be.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/layers.h"
#include "config/read.h"
#include "config/suggest.h"
#include "config/units.h"

enum { MAX_PIECES = 8, MAX_PATH = 256 };

struct setting {
    struct layers *layers;
    char text[MAX_PATH]; /* the pieces, NUL-separated */
    const char *pieces[MAX_PIECES];
    size_t count;
    const char *value;
    const char *written; /* NAME or path as it was written */
    bool is_variable;
    struct span name_span, value_span;
};

static void unknown_piece(const struct setting *setting, const struct key_table *table, size_t piece)
{
    struct suggestion suggestion = suggest_for(setting->pieces[piece]);
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++)
        if (!key->file_only)
            suggest_offer(&suggestion, key->name);

    char under[2 * MAX_PATH] = "";
    const char *instead = former_key(table->name, setting->pieces[piece]);
    if (suggestion.best && !instead) {
        char better[MAX_PATH + 64] = "";
        for (size_t i = 0; i < setting->count; i++) {
            size_t used = strlen(better);
            const char *joint = !i ? (setting->is_variable ? "NODEWISE_" : "") : setting->is_variable ? "__" : ".";
            snprintf(better + used, sizeof(better) - used, "%s%s", joint,
                     i == piece ? suggestion.best : setting->pieces[i]);
        }
        for (char *c = better; setting->is_variable && *c; c++)
            *c = (char)toupper((unsigned char)*c);
        snprintf(under, sizeof(under), "did you mean `%s`?", better);
    }
    diag_add(setting->layers->diags, DIAG_E012, setting->name_span, under[0] ? under : NULL, instead,
             "unknown key `%s` in %s `%s`", setting->pieces[piece],
             setting->is_variable ? "the variable" : "the setting", setting->written);
}

/* The table under `key` in `table`, made when it is not there. NULL: no memory, or the key is no table. */
static struct value *enter_table(const struct setting *setting, struct value *table, const char *key)
{
    struct pool *pool = &setting->layers->sources->pool;
    const struct entry *entry = table_find(table, key);
    if (entry)
        return entry->value->kind == VALUE_TABLE ? entry->value : NULL;
    struct value *made = value_new(pool, VALUE_TABLE, setting->name_span);
    const char *name = pool_strdup(pool, key);
    if (!made || !name || table_add(pool, table, name, setting->name_span, made) < 0)
        return NULL;
    return made;
}

/* The table of that name in root's list, made when it is not there. */
static struct value *enter_rule(const struct setting *setting, struct value *root, const char *list, const char *name)
{
    struct pool *pool = &setting->layers->sources->pool;
    const struct entry *entry = table_find(root, list);
    struct value *rules = entry ? entry->value : value_new(pool, VALUE_ARRAY, setting->name_span);
    if (!rules || rules->kind != VALUE_ARRAY)
        return NULL;
    if (!entry && table_add(pool, root, list, setting->name_span, rules) < 0)
        return NULL;
    for (size_t i = 0; i < rules->array.count; i++) {
        const struct entry *other = table_find(rules->array.items[i], "name");
        if (other && other->value->kind == VALUE_STRING && same_name(other->value->string, name))
            return rules->array.items[i];
    }
    struct value *rule = value_new(pool, VALUE_TABLE, setting->name_span);
    struct value *text = value_new(pool, VALUE_STRING, setting->name_span);
    if (!rule || !text || !(text->string = pool_strdup(pool, name)) ||
        table_add(pool, rule, "name", setting->name_span, text) < 0 || array_add(pool, rules, rule) < 0)
        return NULL;
    return rule;
}

static int put_value(const struct setting *setting, struct value *table, const struct key *key, const char *name)
{
    struct pool *pool = &setting->layers->sources->pool;
    struct value *value = value_of_text(pool, key, setting->value, setting->value_span, setting->layers->diags);
    if (!value)
        return 0; /* with a finding */
    table_remove(table, name);
    const char *copy = pool_strdup(pool, name);
    return copy ? table_add(pool, table, copy, setting->name_span, value) : -ENOMEM;
}

/* One label or variable: the piece behind the key is free. */
static int put_free_key(const struct setting *setting, struct value *table, const struct key *key, const char *name)
{
    static const struct key label = {.name = "label", .type = KEY_NOTE};
    struct value *inner = enter_table(setting, table, key->name);
    return inner ? put_value(setting, inner, &label, name) : 0;
}

/* The name of a variable of NODEWISE_CPU_COUNT__EXPORT__… is not known: all letters of it have become small. */
static bool has_free_keys(const struct setting *setting, const struct key *key)
{
    return key->type == KEY_LABELS || (key->type == KEY_EXPORTS && !setting->is_variable);
}

static int assign(const struct setting *setting, struct value *root)
{
    const struct key_table *keys = &key_root;
    struct value *table = root;
    for (size_t i = 0; i < setting->count && table; i++) {
        const struct key *key = key_find(keys, setting->pieces[i], NULL);
        size_t left = setting->count - i - 1;
        if (!key || key->file_only) {
            unknown_piece(setting, keys, i);
            return 0;
        }
        if (key->type == KEY_RULE_NAME) {
            diag_add(setting->layers->diags, DIAG_E028, setting->name_span, NULL, NULL,
                     "the name of a rule, pool or exchange stands in the path and cannot be set");
            return 0;
        }
        if (left == 0)
            return put_value(setting, table, key, key->name);
        if (left == 1 && has_free_keys(setting, key))
            return put_free_key(setting, table, key, setting->pieces[i + 1]);
        if (key_is_named_list(key)) {
            table = enter_rule(setting, root, key->name, setting->pieces[++i]);
            if (left == 1) {
                diag_add(setting->layers->diags, DIAG_E028, setting->name_span, NULL,
                         "add the key, as in NODEWISE_RULES__IO__NODES=1 or --set rules.io.nodes=1",
                         "`%s` names a %s, but no key of it", setting->written,
                         key->type == KEY_RULES   ? "rule"
                         : key->type == KEY_POOLS ? "pool"
                                                  : "exchange");
                return 0;
            }
        } else if (key->type == KEY_TABLE || key->type == KEY_MATCH) {
            table = enter_table(setting, table, key->name);
        } else {
            diag_add(setting->layers->diags, DIAG_E012, setting->name_span, NULL, NULL,
                     "`%s` has no keys below it (in `%s`)", key->name, setting->written);
            return 0;
        }
        keys = key->table;
    }
    return 0;
}

/* Cuts the path into pieces at each separator. false: too long, or a piece is empty. */
static bool split(struct setting *setting, const char *path, const char *separator)
{
    if (strlen(path) >= sizeof(setting->text))
        return false;
    strcpy(setting->text, path);
    setting->count = 0;
    for (char *at = setting->text; at;) {
        char *next = strstr(at, separator);
        if (next)
            *next = '\0';
        if (!*at || setting->count == MAX_PIECES)
            return false;
        setting->pieces[setting->count++] = at;
        at = next ? next + strlen(separator) : NULL;
    }
    return true;
}

/* Which key the path leads to, for the form of its value; NULL when it leads nowhere. */
static const struct key *key_of(const struct setting *setting)
{
    const struct key_table *keys = &key_root;
    const struct key *key = NULL;
    for (size_t i = 0; i < setting->count && keys; i++) {
        key = key_find(keys, setting->pieces[i], NULL);
        if (key && key_is_named_list(key))
            i++;
        keys = key ? key->table : NULL;
    }
    return key;
}

/* Registers the text as it is shown under a message, and where name and value stand in it. */
static int add_source(struct setting *setting, const char *source_name)
{
    const struct key *key = key_of(setting);
    const char *quote = key && is_plain_text(key, setting->value) ? "\"" : "";
    char *shown;
    if (asprintf(&shown, "%s=%s%s%s", setting->written, quote, setting->value, quote) < 0)
        return -ENOMEM;
    const char *source = sources_add(setting->layers->sources, setting->is_variable ? SOURCE_VARIABLE : SOURCE_OPTION,
                                     source_name, shown, strlen(shown));
    free(shown);
    if (!source)
        return -ENOMEM;
    uint32_t width = text_width(setting->written);
    setting->name_span = (struct span){source, 1, 1, width};
    setting->value_span = (struct span){source, 1, width + 2, text_width(setting->value) + 2 * (*quote != 0)};
    if (!setting->value_span.length)
        setting->value_span.length = 1;
    return 0;
}

/* --- --set --- */

int layers_add_setting(struct layers *layers, const char *text)
{
    struct pool *pool = &layers->sources->pool;
    const char *equals = strchr(text, '=');
    struct setting setting = {.layers = layers};
    char *path = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
    char *source_name = NULL;
    struct value *root = NULL;
    int error = -ENOMEM;
    if (!path || asprintf(&source_name, "--set %s", path) < 0)
        goto out;

    setting.value = equals ? equals + 1 : "";
    setting.written = path;
    bool right = split(&setting, path, ".") && equals;
    error = add_source(&setting, source_name);
    if (error < 0)
        goto out;
    if (!right) {
        diag_add(layers->diags, DIAG_E028, setting.name_span, NULL, "write PATH=VALUE, as in defaults.bind_to=core",
                 "`%s` is not PATH=VALUE", text);
        goto out;
    }
    root = value_new(pool, VALUE_TABLE, setting.name_span);
    error = root ? assign(&setting, root) : -ENOMEM;
    if (error == 0 && root->table.count)
        error = layers_add(layers, root);
out:
    free(source_name);
    free(path);
    return error;
}

/* --- environment --- */

static const char *const fixed_names[] = {"NODEWISE_POLICY", "NODEWISE_PLAN",     "NODEWISE_DISABLE",
                                          "NODEWISE_LOG",    "NODEWISE_REPORT",   "NODEWISE_FAULT",
                                          "NODEWISE_FILTER", "NODEWISE_OCCUPANCY"};

/* A name without "__" is a key of the top level, one of the fixed names, or not ours. */
static bool is_key_name(struct layers *layers, const char *name, const char *lower)
{
    if (strstr(name, "__"))
        return true;
    size_t count = sizeof(fixed_names) / sizeof(fixed_names[0]);
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, fixed_names[i]) == 0)
            return false;
    const struct key *key = key_find(&key_root, lower, NULL);
    if (key && !key->file_only)
        return true;

    struct suggestion suggestion = suggest_for(name);
    for (size_t i = 0; i < count; i++)
        suggest_offer(&suggestion, fixed_names[i]);
    if (suggestion.best && suggestion.distance <= 2) {
        char help[128];
        snprintf(help, sizeof(help), "did you mean `%s`?", suggestion.best);
        diag_add(layers->diags, DIAG_W001, (struct span){0}, NULL, help, "the variable `%s` has no effect", name);
    }
    return false;
}

static int add_variable(struct layers *layers, struct value *root, const char *variable)
{
    const char *equals = strchr(variable, '=');
    size_t prefix = strlen("NODEWISE_");
    char name[MAX_PATH], lower[MAX_PATH];
    size_t length = (size_t)(equals - variable);
    if (length >= sizeof(name)) {
        diag_add(layers->diags, DIAG_E012, (struct span){0}, NULL, NULL,
                 "the name of the variable `%.40s…` is too long", variable);
        return 0;
    }
    memcpy(name, variable, length);
    name[length] = '\0';
    for (size_t i = prefix; i <= length; i++)
        lower[i - prefix] = (char)tolower((unsigned char)name[i]);
    if (!is_key_name(layers, name, lower))
        return 0;

    struct setting setting = {.layers = layers, .value = equals + 1, .written = name, .is_variable = true};
    bool right = split(&setting, lower, "__");
    int error = add_source(&setting, name);
    if (error < 0)
        return error;
    if (!right) {
        diag_add(layers->diags, DIAG_E012, setting.name_span, NULL, NULL, "`%s` is not the name of a key", name);
        return 0;
    }
    return assign(&setting, root);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int layers_add_environment(struct layers *layers, char *const *environment)
{
    size_t count = 0;
    for (char *const *e = environment; e && *e; e++)
        count++;
    const char **ours = calloc(count + 1, sizeof(*ours));
    if (!ours)
        return -ENOMEM;
    size_t number = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environment[i], "NODEWISE_", 9) == 0 && strchr(environment[i], '='))
            ours[number++] = environment[i];
    /* By name: a whole table comes before single keys of it, whatever the order in the environment. */
    qsort(ours, number, sizeof(*ours), by_name);

    struct value *root = value_new(&layers->sources->pool, VALUE_TABLE, (struct span){"environment", 1, 1, 1});
    int error = root ? 0 : -ENOMEM;
    for (size_t i = 0; error == 0 && i < number; i++)
        error = add_variable(layers, root, ours[i]);
    if (error == 0 && root->table.count)
        error = layers_add(layers, root);
    free(ours);
    return error;
}
