/* The JSON Schema (draft-04, which editors' TOML plugins read) of the key table. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "config/config.h"
#include "config/key_types.h"
#include "config/read.h"
#include "config/value_json.h"

static json_t *table_schema(const struct key_table *table);

static json_t *reference(const char *name)
{
    return json_pack("{s:s+}", "$ref", "#/definitions/", name);
}

/* Where each table is described once; NULL for tables that stand in one place. */
static const char *definition_of(const struct key_table *table)
{
    return table == &key_memory         ? "memory"
           : table == &key_match        ? "match"
           : table == &key_rebalance    ? "rebalance"
           : table == &key_mapping_rule ? "mapping_rule"
                                        : NULL;
}

static json_t *one_or_list(json_t *item)
{
    return json_pack("{s:[O,{s:s,s:o,s:i}]}", "oneOf", item, "type", "array", "items", item, "minItems", 1);
}

static json_t *pattern(const char *regex)
{
    return json_pack("{s:s,s:s}", "type", "string", "pattern", regex);
}

/* --- the types of key_types.def --- */

static json_t *items_schema(const struct key *key)
{
    const char *name = definition_of(key->table);
    return name ? reference(name) : table_schema(key->table);
}

json_t *schema_of_table(const struct key *key)
{
    /* draft-04 ignores what stands beside $ref, so that the description needs a wrapper. */
    json_t *table = items_schema(key);
    return definition_of(key->table) ? json_pack("{s:[o]}", "allOf", table) : table;
}

json_t *schema_of_tables(const struct key *key)
{
    return json_pack("{s:s,s:o}", "type", "array", "items", items_schema(key));
}

json_t *schema_of_matches(const struct key *key)
{
    return one_or_list(items_schema(key));
}

json_t *schema_of_version(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:[i]}", "type", "integer", "enum", 1);
}

json_t *schema_of_text(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:i}", "type", "string", "minLength", 1);
}

json_t *schema_of_texts(const struct key *key)
{
    return one_or_list(schema_of_text(key));
}

json_t *schema_of_report_file(const struct key *key)
{
    (void)key;
    return pattern("^([^{}]|\\{(comm|pid|hostname|rank)\\})+$");
}

json_t *schema_of_thread_name(const struct key *key)
{
    (void)key;
    return pattern("^([^{}]|\\{(n|rule)\\})+$");
}

json_t *schema_of_rule_name(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:s,s:i}", "type", "string", "pattern", "^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$",
                     "maxLength", 31);
}

json_t *schema_of_variables(const struct key *key)
{
    (void)key;
    return one_or_list(pattern("^[A-Za-z_][A-Za-z0-9_]*$"));
}

json_t *schema_of_exports(const struct key *key)
{
    json_t *names = schema_of_variables(key);
    json_array_append_new(json_object_get(names, "oneOf"),
                          json_pack("{s:s,s:b,s:{s:o}}", "type", "object", "additionalProperties", 0,
                                    "patternProperties", "^[A-Za-z_][A-Za-z0-9_]*$",
                                    pattern("^(process|rule:[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*)$")));
    return names;
}

/* The form of a set, more loosely than setexpr_check(): enough to catch another tool's syntax in an editor. */
json_t *schema_of_set(const struct key *key)
{
#define NUMBERS "\\+?[0-9]+(-[0-9]+)?(:[0-9]+)?"
#define TERM                                                                                                           \
    "[!( ]*(all|allowed|none|local|perf|eff|" NUMBERS                                                                  \
    "|(node|socket|l3|core|cpu|netdev|block|pci|gpu|file|ip|rule):.+|(node|socket|l3|core)-of\\(.+\\))[) ]*"
    (void)key;
    return one_or_list(pattern("^" TERM "([,&]" TERM ")*$"));
#undef NUMBERS
#undef TERM
}

json_t *schema_of_bool(const struct key *key)
{
    (void)key;
    return json_pack("{s:s}", "type", "boolean");
}

json_t *schema_of_ratio(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:i,s:i}", "type", "number", "minimum", 0, "maximum", 1);
}

json_t *schema_of_duration(const struct key *key)
{
    (void)key;
    return pattern("^[0-9]+(us|ms|s|m|h)$");
}

json_t *schema_of_size(const struct key *key)
{
    (void)key;
    return pattern("^[0-9]+(B|KiB|MiB|GiB)$");
}

json_t *schema_of_threads(const struct key *key)
{
    (void)key;
    return pattern("^(auto|(exactly|at_most):[1-9][0-9]{0,3})$");
}

json_t *schema_of_number(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:i,s:i}", "type", "integer", "minimum", 1, "maximum", 1 << 24);
}

json_t *schema_of_index(const struct key *key)
{
    (void)key;
    json_t *item = json_pack("{s:[{s:s,s:i},o]}", "oneOf", "type", "integer", "minimum", 0,
                             pattern("^[0-9]+(-[0-9]*)?(,[0-9]+(-[0-9]*)?)*$"));
    return one_or_list(item);
}

json_t *schema_of_word(const struct key *key)
{
    json_t *words = json_array(), *help = json_array();
    for (unsigned i = 0; i < key->words->count; i++)
        if (key_takes_word(key, i)) {
            json_array_append_new(words, json_string(key->words->words[i].text));
            json_array_append_new(help, json_string(key->words->words[i].help));
        }
    return json_pack("{s:s,s:o,s:{s:{s:o}}}", "type", "string", "enum", words, "x-taplo", "docs", "enumValues", help);
}

json_t *schema_of_words(const struct key *key)
{
    return one_or_list(schema_of_word(key));
}

json_t *schema_of_cpu_count(const struct key *key)
{
    return json_pack("{s:[o,{s:s,s:i,s:i}]}", "oneOf", schema_of_word(key), "type", "integer", "minimum", 1, "maximum",
                     65536);
}

json_t *schema_of_labels(const struct key *key)
{
    (void)key;
    return json_pack("{s:s,s:b,s:{s:{s:s}}}", "type", "object", "additionalProperties", 0, "patternProperties",
                     "^[A-Za-z_][A-Za-z0-9_]*$", "type", "string");
}

/* --- tables --- */

static json_t *key_schema(const struct key *key)
{
    json_t *schema = key_type_of(key)->schema(key);
    json_t *description = json_sprintf("%s%s%s", key->summary, key->text ? ". " : "", key->text ? key->text : "");
    json_object_set_new(schema, "description", description);
    struct pool pool = {0};
    struct value *value =
        key->fallback ? value_of_text(&pool, key, key->fallback, (struct span){"built-in", 1, 3, 1}, NULL) : NULL;
    if (value)
        json_object_set_new(schema, "default", value_to_json(value));
    pool_free(&pool);
    return schema;
}

static json_t *required_keys(const struct key_table *table)
{
    /* `match` is not required of a rule: a layer may change a rule of the layer below it. */
    if (table == &key_root)
        return json_pack("[s]", "schema");
    return table == &key_rule || table == &key_pool || table == &key_exchange ? json_pack("[s]", "name") : NULL;
}

static json_t *table_schema(const struct key_table *table)
{
    json_t *properties = json_object();
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++)
        json_object_set_new(properties, key->name, key_schema(key));
    json_t *schema = json_pack("{s:s,s:b,s:s,s:o}", "type", "object", "additionalProperties", 0, "description",
                               table->summary, "properties", properties);
    json_t *required = required_keys(table);
    if (required)
        json_object_set_new(schema, "required", required);
    if (table->is_placement)
        json_object_set_new(schema, "not",
                            json_pack("{s:[{s:[s,s]},{s:[s,s]},{s:[s,s]}]}", "anyOf", "required", "nodes", "cpus",
                                      "required", "nodes", "near", "required", "cpus", "near"));
    return schema;
}

int config_schema(FILE *to)
{
    static const struct key_table *const shared[] = {&key_memory, &key_match, &key_rebalance, &key_mapping_rule};
    json_t *schema = table_schema(&key_root), *definitions = json_object();
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        json_object_set_new(definitions, definition_of(shared[i]), table_schema(shared[i]));
    json_t *head =
        json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-04/schema#", "title", "nodewise policy");
    int error = !head || json_object_update(head, schema) < 0 || json_object_set_new(head, "definitions", definitions);
    if (!error)
        error = json_dumpf(head, to, JSON_INDENT(1)) < 0 || fputc('\n', to) == EOF;
    json_decref(schema);
    json_decref(head);
    return error ? -EIO : 0;
}
