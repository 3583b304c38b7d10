/*
 * `config show`: what counts in the end, key by key. [defaults] and the other tables are shown whole, with the
 * built-in value of each key that no layer sets; a rule shows what it sets and what it takes from [defaults].
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/json_text.h"
#include "config/keys.h"
#include "config/printable.h"
#include "config/read.h"
#include "config/sources.h"
#include "config/value_json.h"

struct show {
    FILE *to;
    const struct config *config;
    bool origin;
    json_t *json; /* NULL: text */
};

/* A basic string of TOML. What is not UTF-8 can stand in none: it is shown as a text about it. */
static void write_string(FILE *to, const char *text)
{
    char form[PRINTABLE_FORM];
    fputc('"', to);
    for (size_t length = strlen(text); length > 0;) {
        bool as_is;
        unsigned point = 0;
        size_t bytes = printable_next(text, length, form, &as_is);
        if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else if (!as_is && utf8_character(text, length, &point))
            fprintf(to, point > 0xffff ? "\\U%08X" : "\\u%04X", point);
        else
            fprintf(to, "%s%s", as_is ? "" : "\\", form);
        text += bytes;
        length -= bytes;
    }
    fputc('"', to);
}

/* A value as TOML on one line. */
static void write_value(FILE *to, const struct value *value)
{
    switch (value->kind) {
    case VALUE_STRING:
        write_string(to, value->string);
        break;
    case VALUE_INTEGER:
        fprintf(to, "%lld", (long long)value->integer);
        break;
    case VALUE_FLOAT:
        fprintf(to, "%g", value->number);
        break;
    case VALUE_BOOL:
        fputs(value->boolean ? "true" : "false", to);
        break;
    case VALUE_TIME:
        fputs("?", to); /* no key takes one, so an accepted policy has none */
        break;
    case VALUE_ARRAY:
        fputc('[', to);
        for (size_t i = 0; i < value->array.count; i++) {
            fputs(i ? ", " : "", to);
            write_value(to, value->array.items[i]);
        }
        fputc(']', to);
        break;
    case VALUE_TABLE:
        fputs("{ ", to);
        for (size_t i = 0; i < value->table.count; i++) {
            fprintf(to, "%s%s = ", i ? ", " : "", printable(value->table.entries[i].key));
            write_value(to, value->table.entries[i].value);
        }
        fputs(" }", to);
        break;
    }
}

/* "redis.toml:14", "NODEWISE_DEFAULTS__BIND_TO", "--set", "built-in". */
static void describe_origin(const struct show *show, const struct span *span, char *ret_text, size_t size)
{
    int at = sources_find(show->config->sources, span->source);
    if (at >= 0 && show->config->sources->items[at].kind == SOURCE_FILE)
        snprintf(ret_text, size, "%s:%u", span->source, span->line);
    else
        snprintf(ret_text, size, "%s", span->source ? span->source : "built-in");
}

static void show_value(const struct show *show, const char *path, const struct value *value)
{
    char origin[512];
    describe_origin(show, &value->span, origin, sizeof(origin));
    if (show->json) {
        json_t *item = json_pack("{s:o, s:o}", "value", value_to_json(value), "origin", json_any_text(origin));
        json_object_set_new(show->json, path, item);
        return;
    }
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return;
    fprintf(memory, "%s = ", printable(path));
    write_value(memory, value);
    fclose(memory);
    if (show->origin)
        fprintf(show->to, "%-50s # %s\n", text, printable(origin));
    else
        fprintf(show->to, "%s\n", text);
    free(text);
}

static void show_built_in(const struct show *show, const char *path, const struct key *key)
{
    struct pool pool = {0};
    struct value *value = value_of_text(&pool, key, key->fallback, (struct span){"built-in", 1, 3, 1}, NULL);
    if (value)
        show_value(show, path, value);
    pool_free(&pool);
}

static bool is_group(const char *name)
{
    return strcmp(name, "nodes") == 0 || strcmp(name, "cpus") == 0 || strcmp(name, "near") == 0;
}

static bool has_group(const struct value *table)
{
    return table_find(table, "nodes") || table_find(table, "cpus") || table_find(table, "near");
}

/*
 * One table. value: what the layers say, or NULL. inherited: the same table of [defaults], for a rule. Built-in
 * values are shown when nothing can be inherited.
 */
static void show_table(const struct show *show, const struct key_table *table, const char *prefix,
                       const struct value *value, const struct value *inherited, bool built_in)
{
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++) {
        char path[KEY_PATH_MAX + 64];
        snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "." : "", key->name);
        const struct entry *own = table_find(value, key->name), *from = table_find(inherited, key->name);
        if (from && table->is_placement && is_group(key->name) && has_group(value))
            from = NULL;
        if (key_is_named_list(key) || key->type == KEY_RULE_NAME)
            continue;
        if (key->type == KEY_TABLE)
            show_table(show, key->table, path, own ? own->value : NULL, from ? from->value : NULL, built_in);
        else if (own || from)
            show_value(show, path, own ? own->value : from->value);
        else if (built_in && key->fallback)
            show_built_in(show, path, key);
    }
}

/* Tables with a name: what each says and what it takes from [defaults]. */
static void show_list(const struct show *show, const struct config *config, const char *list,
                      const struct key_table *table)
{
    const struct entry *items = table_find(config->tree, list), *defaults = table_find(config->tree, "defaults");
    for (size_t i = 0; items && items->value->kind == VALUE_ARRAY && i < items->value->array.count; i++) {
        const struct value *item = items->value->array.items[i];
        const struct entry *name = table_find(item, "name");
        char prefix[64];
        snprintf(prefix, sizeof(prefix), "%s.%s", list,
                 name && name->value->kind == VALUE_STRING ? name->value->string : "?");
        show_table(show, table, prefix, item, defaults ? defaults->value : NULL, false);
    }
}

void config_show(FILE *to, const struct config *config, bool origin, bool json)
{
    struct show show = {to, config, origin, json ? json_object() : NULL};
    show_table(&show, &key_root, "", config->tree, NULL, true);
    show_list(&show, config, "pools", &key_pool);
    show_list(&show, config, "exchanges", &key_exchange);
    show_list(&show, config, "rules", &key_rule);
    if (!show.json)
        return;
    json_write(to, show.json, 2);
    json_decref(show.json);
}
