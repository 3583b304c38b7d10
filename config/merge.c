#include "config/merge.h"

#include <string.h>

#include "config/keys.h"
#include "config/units.h"

static struct value *merge_tables(struct pool *pool, const struct key_table *keys, const struct value *lower,
                                  const struct value *upper);

static bool is_in_group(const char *key)
{
    return strcmp(key, "nodes") == 0 || strcmp(key, "cpus") == 0 || strcmp(key, "near") == 0;
}

static bool sets_group(const struct value *table)
{
    return table_find(table, "nodes") || table_find(table, "cpus") || table_find(table, "near");
}

static const char *rule_name(const struct value *rule)
{
    const struct entry *name = table_find(rule, "name");
    return name && name->value->kind == VALUE_STRING ? name->value->string : NULL;
}

static struct value *find_rule(const struct value *rules, const char *name)
{
    for (size_t i = 0; name && i < rules->array.count; i++) {
        const char *other = rule_name(rules->array.items[i]);
        if (other && same_name(other, name))
            return rules->array.items[i];
    }
    return NULL;
}

static struct value *merge_rules(struct pool *pool, const struct key_table *keys, const struct value *lower,
                                 const struct value *upper)
{
    struct value *merged = value_new(pool, VALUE_ARRAY, upper->span);
    if (!merged)
        return NULL;
    for (size_t i = 0; i < upper->array.count; i++) {
        struct value *rule = upper->array.items[i];
        if (!find_rule(lower, rule_name(rule)) && array_add(pool, merged, rule) < 0)
            return NULL;
    }
    for (size_t i = 0; i < lower->array.count; i++) {
        struct value *rule = lower->array.items[i];
        const struct value *over = find_rule(upper, rule_name(rule));
        struct value *both = over ? merge_tables(pool, keys, rule, over) : rule;
        if (!both || array_add(pool, merged, both) < 0)
            return NULL;
        if (over) { /* the spelling of the lower layer stays: its `rule:` words use it */
            struct entry *name = table_find(both, "name");
            *name = *table_find(rule, "name");
        }
    }
    return merged;
}

/* What becomes of a key that both layers have. */
static struct value *merge_values(struct pool *pool, const struct key *key, struct value *lower, struct value *upper)
{
    if (lower->kind != upper->kind)
        return upper;
    if (upper->kind == VALUE_TABLE)
        return merge_tables(pool, key ? key->table : NULL, lower, upper);
    if (upper->kind == VALUE_ARRAY && key && key_is_named_list(key))
        return merge_rules(pool, key->table, lower, upper);
    return upper;
}

/* keys: NULL for tables whose keys are free (labels). */
static struct value *merge_tables(struct pool *pool, const struct key_table *keys, const struct value *lower,
                                  const struct value *upper)
{
    struct value *merged = value_new(pool, VALUE_TABLE, upper->span);
    if (!merged)
        return NULL;
    bool drop_group = keys && keys->is_placement && sets_group(upper);
    for (size_t i = 0; i < lower->table.count; i++) {
        const struct entry *entry = &lower->table.entries[i];
        if (table_find(upper, entry->key) || (drop_group && is_in_group(entry->key)))
            continue;
        if (table_add(pool, merged, entry->key, entry->key_span, entry->value) < 0)
            return NULL;
    }
    for (size_t i = 0; i < upper->table.count; i++) {
        const struct entry *entry = &upper->table.entries[i], *below = table_find(lower, entry->key);
        struct value *value = entry->value;
        if (below)
            value = merge_values(pool, keys ? key_find(keys, entry->key, NULL) : NULL, below->value, entry->value);
        if (!value || table_add(pool, merged, entry->key, entry->key_span, value) < 0)
            return NULL;
    }
    return merged;
}

struct value *merge_layers(struct pool *pool, const struct value *lower, const struct value *upper)
{
    struct value *none = lower ? NULL : value_new(pool, VALUE_TABLE, upper->span);
    if (!lower && !none)
        return NULL;
    return merge_tables(pool, &key_root, lower ? lower : none, upper);
}
