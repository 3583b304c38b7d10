/* Tables: walks the tree and the key table side by side. Single values: read_values.c. */
#include "config/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/key_types.h"
#include "config/reader.h"
#include "config/suggest.h"
#include "config/toml.h"
#include "config/units.h"
#include "policy/pools.h"

static void read_table(struct reader *reader, const struct key_table *table, const struct value *value, void *base);

/* --- memory and places --- */

void *reader_alloc(struct reader *reader, size_t size)
{
    void *memory = policy_alloc(reader->policy, size);
    reader->out_of_memory |= !memory;
    return memory;
}

const char *reader_text(struct reader *reader, const char *text)
{
    const char *copy = policy_strdup(reader->policy, text);
    reader->out_of_memory |= !copy;
    return copy;
}

struct span reader_span(struct reader *reader, struct span span)
{
    if (span.source && span.source != reader->source) {
        reader->source_copy = reader_text(reader, span.source);
        reader->source = span.source;
    }
    if (span.source)
        span.source = reader->source_copy;
    return span;
}

struct span span_inside(const struct value *string, size_t offset, size_t length)
{
    struct span span = string->span;
    /* Exact for strings on one line without escapes; others get the whole value. */
    if (text_width(string->string) + 2 != span.length)
        return span;
    for (size_t i = 0; i < offset; i++)
        span.column += ((unsigned char)string->string[i] & 0xc0) != 0x80;
    span.column += 1; /* the opening quote */
    span.length = 0;
    for (size_t i = offset; i < offset + length && string->string[i]; i++)
        span.length += ((unsigned char)string->string[i] & 0xc0) != 0x80;
    if (!span.length)
        span.length = 1;
    return span;
}

void report_wrong_type(struct reader *reader, const struct key *key, const struct value *value)
{
    const char *help = NULL;
    if ((key->type == KEY_BOOL || key->type == KEY_TRI) && value->kind == VALUE_STRING)
        help = "true or false, without quotes";
    REPORT(reader, DIAG_E013, value->span, NULL, help, "`%s` takes %s, not %s", key->name, key_type_text(key),
           value_kind_name(value->kind));
}

/* --- unknown keys --- */

static void describe_path(const struct reader *reader, char *ret_text, size_t size)
{
    const struct key *list = key_find(&key_root, reader->path, NULL);
    if (!reader->path[0])
        snprintf(ret_text, size, "at the top level");
    else if (list && key_is_named_list(list))
        snprintf(ret_text, size, "in [[%s]]", reader->path);
    else
        snprintf(ret_text, size, "in [%s]", reader->path);
}

/* A key of that name in a table below this one: "policy" belongs into memory. */
static bool find_below(const struct key_table *table, const char *name, char *ret_under, size_t size)
{
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++)
        if (key->table && key_find(key->table, name, NULL)) {
            snprintf(ret_under, size, "belongs into `%s`: `%s.%s`", key->name, key->name, name);
            return true;
        }
    return false;
}

static void report_unknown_key(struct reader *reader, const struct key_table *table, const struct entry *entry)
{
    char where[KEY_PATH_MAX + 16], under[128] = "";
    describe_path(reader, where, sizeof(where));

    const char *const *ours = foreign_key(entry->key);
    while (ours && *ours && !key_find(table, *ours, NULL))
        ours++;
    struct suggestion suggestion = suggest_for(entry->key);
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++)
        suggest_offer(&suggestion, key->name);

    const char *instead = former_key(table->name, entry->key);
    if (instead)
        under[0] = '\0';
    else if (suggestion.best && (suggestion.distance < 2 || !ours || !*ours))
        snprintf(under, sizeof(under), "did you mean `%s`?", suggestion.best);
    else if (ours && *ours)
        snprintf(under, sizeof(under), "is called `%s` here", *ours);
    else if (!find_below(table, entry->key, under, sizeof(under)) && table != &key_root &&
             key_find(&key_root, entry->key, NULL))
        snprintf(under, sizeof(under), "belongs to the top level, before the first table");
    REPORT(reader, DIAG_E012, entry->key_span, under[0] ? under : NULL, instead, "unknown key `%s` %s", entry->key,
           where);
}

/* --- tables --- */

/* Built-in values of all keys of a table, tables below it included. */
static void set_fallbacks(struct reader *reader, struct pool *pool, const struct key_table *table, void *base)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct key *key = &table->keys[i];
        if (key->type == KEY_TABLE)
            set_fallbacks(reader, pool, key->table, (char *)base + key->offset);
        if (key->type == KEY_TRI)
            *(enum tri *)(void *)((char *)base + key->offset) = TRI_ANY;
        if (!key->fallback)
            continue;
        struct value *value =
            value_of_text(pool, key, key->fallback, (struct span){"built-in", 1, 3, 1}, reader->diags);
        if (!value) {
            reader->out_of_memory = true;
            return;
        }
        key_type_of(key)->read(reader, key, value, (char *)base + key->offset, (char *)base + key->offset_2);
    }
}

/* The tables of a value that is a table (where `single` allows it) or a list of tables. */
static size_t tables_of(struct reader *reader, const struct key *key, const struct value *value, bool single,
                        const struct value *const **ret_items, const struct value *const *self)
{
    if (single && value->kind == VALUE_TABLE) {
        *ret_items = self;
        return 1;
    }
    if (value->kind != VALUE_ARRAY) {
        report_wrong_type(reader, key, value);
        return 0;
    }
    if (!value->array.count)
        REPORT(reader, DIAG_E018, value->span, NULL, NULL, "`%s` is an empty list", key->name);
    for (size_t i = 0; i < value->array.count; i++)
        if (value->array.items[i]->kind != VALUE_TABLE) {
            report_wrong_type(reader, key, value->array.items[i]);
            return 0;
        }
    *ret_items = (const struct value *const *)value->array.items;
    return value->array.count;
}

void read_matches(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    const struct value *const *items;
    size_t number = tables_of(reader, key, value, true, &items, &value);
    struct match *matches = reader_alloc(reader, (number + 1) * sizeof(*matches));
    if (!matches)
        return;
    for (size_t i = 0; i < number; i++) {
        matches[i].span = reader_span(reader, items[i]->span);
        matches[i].unnamed = matches[i].main = matches[i].forked = TRI_ANY;
        if (!items[i]->table.count)
            REPORT(reader, DIAG_E018, items[i]->span, NULL, "a rule for all other threads is [defaults]",
                   "`match` has no condition");
        read_table(reader, key->table, items[i], &matches[i]);
    }
    *(struct match **)field = matches;
    *(size_t *)field_2 = number;
}

void read_mapping_rules(struct reader *reader, const struct key *key, const struct value *value, void *field,
                        void *field_2)
{
    const struct value *const *items;
    size_t number = tables_of(reader, key, value, false, &items, NULL);
    struct mapping_rule *rules = reader_alloc(reader, (number + 1) * sizeof(*rules));
    if (!rules)
        return;
    struct pool pool = {0};
    for (size_t i = 0; i < number; i++) {
        const struct entry *name = table_find(items[i], "name");
        rules[i].span = reader_span(reader, name ? name->value->span : items[i]->span);
        set_fallbacks(reader, &pool, key->table, &rules[i]);
        read_table(reader, key->table, items[i], &rules[i]);
    }
    pool_free(&pool);
    *(struct mapping_rule **)field = rules;
    *(size_t *)field_2 = number;
}

/* what: "rule", "pool". Names are compared with those that come before in the list. */
static void check_names(struct reader *reader, const char *what, const struct value *const *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry *name = table_find(rules[i], "name");
        if (!name) {
            REPORT(reader, DIAG_E023, rules[i]->span, NULL, "add name = \"…\"", "the %s has no name", what);
            continue;
        }
        for (size_t j = 0; j < i && name->value->kind == VALUE_STRING; j++) {
            const struct entry *other = table_find(rules[j], "name");
            if (!other || other->value->kind != VALUE_STRING || !same_name(other->value->string, name->value->string))
                continue;
            char under[64];
            snprintf(under, sizeof(under), "first used in line %u", other->value->span.line);
            REPORT(reader, DIAG_E021, name->value->span, under, NULL, "a second %s is named `%s`", what,
                   name->value->string);
            break;
        }
    }
}

void read_rules(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field;
    (void)field_2;
    struct policy *policy = reader->policy;
    const struct value *const *items;
    size_t count = tables_of(reader, key, value, false, &items, NULL);
    struct rule *rules = reader_alloc(reader, (count + 1) * sizeof(*rules));
    if (!rules)
        return;
    check_names(reader, "rule", items, count);
    for (size_t i = 0; i < count; i++) {
        const struct entry *name = table_find(items[i], "name");
        rules[i].placement = policy->defaults;
        rules[i].span = reader_span(reader, name ? name->value->span : items[i]->span);
        read_table(reader, key->table, items[i], &rules[i]);
    }
    policy->rules = rules;
    policy->rule_count = count;
}

/* The rule of a pool's or an exchange's workers: they are known by their names. */
static void match_workers(struct reader *reader, struct rule *rule)
{
    char pattern[POOL_PATTERN_SIZE];
    struct match *match = reader_alloc(reader, sizeof(*match));
    struct text *text = reader_alloc(reader, sizeof(*text));
    if (!match || !text || !rule->name)
        return;
    pool_worker_pattern(rule->name, pattern);
    *text = (struct text){reader_text(reader, pattern), rule->span};
    *match = (struct match){.span = rule->span, .thread = {text, 1}};
    match->unnamed = match->main = match->forked = TRI_ANY;
    rule->matches = match;
    rule->match_count = 1;
}

void read_pools(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field;
    (void)field_2;
    struct policy *policy = reader->policy;
    const struct value *const *items;
    size_t count = tables_of(reader, key, value, false, &items, NULL);
    struct pool_rule *pools = reader_alloc(reader, (count + 1) * sizeof(*pools));
    if (!pools)
        return;
    check_names(reader, "pool", items, count);
    struct pool pool = {0};
    for (size_t i = 0; i < count; i++) {
        const struct entry *name = table_find(items[i], "name");
        pools[i].rule.placement = policy->defaults;
        pools[i].rule.span = reader_span(reader, name ? name->value->span : items[i]->span);
        set_fallbacks(reader, &pool, key->table, &pools[i]);
        read_table(reader, key->table, items[i], &pools[i]);
        match_workers(reader, &pools[i].rule);
    }
    pool_free(&pool);
    policy->pools = pools;
    policy->pool_count = count;
}

void read_exchanges(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field;
    (void)field_2;
    struct policy *policy = reader->policy;
    const struct value *const *items;
    size_t count = tables_of(reader, key, value, false, &items, NULL);
    struct exchange_rule *exchanges = reader_alloc(reader, (count + 1) * sizeof(*exchanges));
    if (!exchanges)
        return;
    check_names(reader, "exchange", items, count);
    for (size_t i = 0; i < count; i++) {
        const struct entry *name = table_find(items[i], "name"), *ring = table_find(items[i], "ring");
        exchanges[i].rule.placement = policy->defaults;
        exchanges[i].rule.threads.size = POOL_AS_PROGRAM;
        exchanges[i].rule.span = reader_span(reader, name ? name->value->span : items[i]->span);
        exchanges[i].spin_us = UINT64_MAX;
        read_table(reader, key->table, items[i], &exchanges[i]);
        match_workers(reader, &exchanges[i].rule);
        if (ring && exchanges[i].ring > EXCHANGE_LARGEST_RING)
            REPORT(reader, DIAG_E015, ring->value->span, NULL, NULL, "`ring` must be at most 1GiB");
    }
    policy->exchanges = exchanges;
    policy->exchange_count = count;
}

/* Two of one name could not be told apart in reports and in "rule:NAME". what: what the other one is. */
static void check_same_name(struct reader *reader, const struct rule *rule, const struct rule *other, const char *what)
{
    if (rule->name && other->name && same_name(rule->name, other->name))
        REPORT(reader, DIAG_E021, rule->span, NULL, NULL, "%s is named `%s`, too", what, rule->name);
}

static void check_worker_names(struct reader *reader)
{
    const struct policy *policy = reader->policy;
    for (size_t i = 0; i < policy->pool_count; i++)
        for (size_t k = 0; k < policy->rule_count; k++)
            check_same_name(reader, &policy->pools[i].rule, &policy->rules[k], "a rule");
    for (size_t i = 0; i < policy->exchange_count; i++) {
        for (size_t k = 0; k < policy->pool_count; k++)
            check_same_name(reader, &policy->exchanges[i].rule, &policy->pools[k].rule, "a pool");
        for (size_t k = 0; k < policy->rule_count; k++)
            check_same_name(reader, &policy->exchanges[i].rule, &policy->rules[k], "a rule");
    }
}

/* The rules of pools and exchanges come first: the first match wins. */
static void put_workers_first(struct reader *reader)
{
    struct policy *policy = reader->policy;
    size_t own = policy->pool_count + policy->exchange_count, count = own + policy->rule_count;
    struct rule *rules = reader_alloc(reader, (count + 1) * sizeof(*rules));
    for (size_t i = 0; rules && i < count; i++)
        rules[i] = i < policy->pool_count ? policy->pools[i].rule
                   : i < own              ? policy->exchanges[i - policy->pool_count].rule
                                          : policy->rules[i - own];
    if (rules) {
        policy->rules = rules;
        policy->rule_count = count;
    }
}

/* nodes, cpus, near: one of them, and it takes the place of what was inherited. */
static void settle_group(struct reader *reader, const struct value *value, struct placement *placement)
{
    static const char *const group[] = {"nodes", "cpus", "near"};
    const struct entry *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        const struct entry *entry = table_find(value, group[i]);
        if (!entry)
            continue;
        if (!first) {
            first = entry;
            continue;
        }
        const struct span *a = &first->key_span, *b = &entry->key_span;
        const struct entry *later = b->line > a->line || (b->line == a->line && b->column > a->column) ? entry : first;
        const struct entry *earlier = later == entry ? first : entry;
        REPORT(reader, DIAG_E024, later->key_span, NULL, "keep one of them",
               "`%s` and `%s` in one table exclude each other", earlier->key, later->key);
    }
    if (first) {
        placement->nodes = (struct set_list){0};
        placement->cpus = (struct set_list){0};
        placement->near = (struct set_list){0};
    }
}

void read_subtable(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    if (value->kind != VALUE_TABLE)
        report_wrong_type(reader, key, value);
    else
        read_table(reader, key->table, value, field);
}

static void read_entry(struct reader *reader, const struct key *key, const struct entry *entry, void *base)
{
    key_type_of(key)->read(reader, key, entry->value, (char *)base + key->offset, (char *)base + key->offset_2);
    if (key == key_find(&key_memory, "policy", NULL))
        ((struct memory *)base)->policy_span = reader_span(reader, entry->value->span);
}

static void read_table(struct reader *reader, const struct key_table *table, const struct value *value, void *base)
{
    size_t length = strlen(reader->path);
    if (table->is_placement)
        settle_group(reader, value, (void *)((char *)base + (table->more ? table->more_offset : 0)));
    for (size_t i = 0; i < value->table.count; i++) {
        const struct entry *entry = &value->table.entries[i];
        size_t offset;
        const struct key *key = key_find(table, entry->key, &offset);
        if (!key) {
            report_unknown_key(reader, table, entry);
            continue;
        }
        if (key_is_named_list(key))
            continue; /* policy_read() reads them last: they start from [defaults] */
        snprintf(reader->path + length, sizeof(reader->path) - length, "%s%s", length ? "." : "", key->name);
        read_entry(reader, key, entry, (char *)base + offset);
        reader->path[length] = '\0';
    }
}

static void read_list(struct reader *reader, const struct value *root, const char *name,
                      void (*read)(struct reader *, const struct key *, const struct value *, void *, void *))
{
    const struct entry *list = table_find(root, name);
    if (!list)
        return;
    snprintf(reader->path, sizeof(reader->path), "%s", name);
    read(reader, key_find(&key_root, name, NULL), list->value, NULL, NULL);
}

int policy_read(struct policy *policy, const struct value *root, struct diag_list *diags)
{
    struct reader reader = {.policy = policy, .diags = diags};
    struct pool pool = {0};
    set_fallbacks(&reader, &pool, &key_root, policy);
    pool_free(&pool);

    read_table(&reader, &key_root, root, policy);
    const struct entry *defaults = table_find(root, "defaults");
    policy->has_defaults = defaults && defaults->value->kind == VALUE_TABLE && defaults->value->table.count > 0;
    read_list(&reader, root, "rules", read_rules);
    read_list(&reader, root, "pools", read_pools);
    read_list(&reader, root, "exchanges", read_exchanges);
    check_worker_names(&reader);
    put_workers_first(&reader);
    return reader.out_of_memory ? -ENOMEM : 0;
}
