/* Single values into their fields, a function for each type of key_types.def. Tables: read.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/key_types.h"
#include "config/reader.h"
#include "config/suggest.h"
#include "config/units.h"
#include "policy/pools.h"
#include "policy/setexpr.h"

static bool text_of(struct reader *reader, const struct key *key, const struct value *value, struct text *ret_text)
{
    if (value->kind != VALUE_STRING) {
        report_wrong_type(reader, key, value);
        return false;
    }
    if (!value->string[0]) {
        REPORT(reader, DIAG_E018, value->span, NULL, NULL, "`%s` is empty", key->name);
        return false;
    }
    ret_text->value = reader_text(reader, value->string);
    ret_text->span = reader_span(reader, value->span);
    return ret_text->value != NULL;
}

/* A string or a list of strings. The list is empty after an error. */
static struct text_list texts_of(struct reader *reader, const struct key *key, const struct value *value)
{
    const struct value *const *items = &value;
    size_t count = 1;
    if (value->kind == VALUE_ARRAY) {
        items = (const struct value *const *)value->array.items;
        count = value->array.count;
        if (!count)
            REPORT(reader, DIAG_E018, value->span, NULL, NULL, "`%s` is an empty list", key->name);
    }
    struct text_list list = {reader_alloc(reader, (count + 1) * sizeof(struct text)), 0};
    for (size_t i = 0; list.items && i < count; i++)
        if (text_of(reader, key, items[i], &list.items[list.count]))
            list.count++;
    if (list.count < count)
        list.count = 0;
    return list;
}

static void suggest_word(const struct key *key, const char *wrong, char *ret_under, size_t size)
{
    const char *best = NULL;
    const char *const *ours = foreign_word(wrong);
    for (; ours && *ours && !best; ours++) {
        int value = word_value(key->words, *ours);
        if (value >= 0 && key_takes_word(key, (unsigned)value)) {
            snprintf(ret_under, size, "is called `%s` here", *ours);
            return;
        }
    }
    struct suggestion suggestion = suggest_for(wrong);
    for (unsigned i = 0; i < key->words->count; i++)
        if (key_takes_word(key, i))
            suggest_offer(&suggestion, key->words->words[i].text);
    ret_under[0] = '\0';
    if (suggestion.best)
        snprintf(ret_under, size, "did you mean `%s`?", suggestion.best);
}

/* The value of a word that the key takes, or -1 with a finding. */
static int word_of_value(struct reader *reader, const struct key *key, const struct value *value)
{
    if (value->kind != VALUE_STRING) {
        report_wrong_type(reader, key, value);
        return -1;
    }
    int word = word_value(key->words, value->string);
    if (word >= 0 && key_takes_word(key, (unsigned)word))
        return word;

    char under[128], help[512] = "one of";
    suggest_word(key, value->string, under, sizeof(under));
    const char *separator = " ";
    for (unsigned i = 0; i < key->words->count; i++)
        if (key_takes_word(key, i)) {
            size_t used = strlen(help);
            snprintf(help + used, sizeof(help) - used, "%s%s", separator, key->words->words[i].text);
            separator = ", ";
        }
    REPORT(reader, DIAG_E014, value->span, under[0] ? under : NULL, help, "`%s` does not know the word `%s`", key->name,
           value->string);
    return -1;
}

static uint32_t words_of(struct reader *reader, const struct key *key, const struct value *value, uint32_t otherwise)
{
    if (value->kind != VALUE_ARRAY) {
        int word = word_of_value(reader, key, value);
        return word < 0 ? otherwise : 1u << word;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < value->array.count; i++) {
        int word = word_of_value(reader, key, value->array.items[i]);
        if (word < 0)
            return otherwise;
        bits |= 1u << word;
    }
    if (!bits) {
        REPORT(reader, DIAG_E018, value->span, NULL, NULL, "`%s` is an empty list", key->name);
        return otherwise;
    }
    return bits;
}

static void read_set(struct reader *reader, const struct key *key, const struct value *value, enum set_unit unit,
                     struct set_list *field)
{
    if (value->kind == VALUE_INTEGER && reader->diags) {
        char help[64];
        snprintf(help, sizeof(help), "write it in quotes: %s = \"%lld\"", key->name, (long long)value->integer);
        diag_add(reader->diags, DIAG_E013, value->span, NULL, help, "`%s` takes a string, not an integer", key->name);
        return;
    }
    struct text_list list = texts_of(reader, key, value);
    for (size_t i = 0; reader->diags && i < list.count; i++)
        setexpr_check(&list.items[i], unit, reader->diags);
    *field = (struct set_list){list.items, list.count};
}

void read_cpus(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    read_set(reader, key, value, SET_CPUS, field);
}

void read_nodes(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    read_set(reader, key, value, SET_NODES, field);
}

void read_near(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    read_set(reader, key, value, SET_NEAR, field);
}

static void read_quantity(struct reader *reader, const struct key *key, const struct value *value, bool time,
                          uint64_t *field)
{
    enum diag_code code = time ? DIAG_E016 : DIAG_E017;
    const char *help = time ? "a whole number and us, ms, s, m or h, as \"50ms\""
                            : "a whole number and B, KiB, MiB or GiB, as \"64MiB\"";
    if (value->kind == VALUE_INTEGER || value->kind == VALUE_FLOAT) {
        REPORT(reader, code, value->span, "without a unit", help, "`%s` needs a unit", key->name);
        return;
    }
    struct text text;
    if (!text_of(reader, key, value, &text))
        return;
    int error = time ? parse_duration(text.value, field) : parse_size(text.value, field);
    if (error == -ERANGE)
        REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` is too large", key->name);
    else if (error < 0)
        REPORT(reader, code, value->span, NULL, help, "`%s` is not a %s", text.value, time ? "duration" : "size");
}

void read_duration(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    read_quantity(reader, key, value, true, field);
}

void read_size(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    read_quantity(reader, key, value, false, field);
}

void read_ratio(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    double number = value->kind == VALUE_INTEGER ? (double)value->integer : value->number;
    if (value->kind != VALUE_INTEGER && value->kind != VALUE_FLOAT)
        report_wrong_type(reader, key, value);
    else if (!(number >= 0 && number <= 1)) /* also nan */
        REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` must be from 0 to 1", key->name);
    else
        *(double *)field = number;
}

struct range_list {
    struct index_range *items;
    size_t count, capacity;
};

static bool add_range(struct reader *reader, struct range_list *list, struct index_range range)
{
    if (list->count == list->capacity) {
        size_t larger = list->capacity ? list->capacity * 2 : 4;
        struct index_range *items = reader_alloc(reader, larger * sizeof(*items));
        if (!items)
            return false;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        list->capacity = larger;
    }
    list->items[list->count++] = range;
    return true;
}

static bool add_ranges(struct reader *reader, const struct key *key, const struct value *value, struct range_list *list)
{
    if (value->kind == VALUE_INTEGER) {
        if (value->integer >= 0 && value->integer < UINT32_MAX)
            return add_range(reader, list, (struct index_range){(uint32_t)value->integer, (uint32_t)value->integer});
        REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` must not be negative or above %u", key->name,
               UINT32_MAX - 1);
        return false;
    }
    struct text text;
    if (!text_of(reader, key, value, &text))
        return false;
    const char *at = text.value;
    do {
        struct index_range range;
        if (parse_range(&at, &range) < 0) {
            size_t offset = (size_t)(at - text.value);
            size_t length = strcspn(at, ",");
            REPORT(reader, DIAG_E019, span_inside(value, offset, length ? length : 1), NULL,
                   "numbers and ranges, as \"0-3,8-\"", "`%.*s` is not a number or a range", (int)length, at);
            return false;
        }
        if (!add_range(reader, list, range))
            return false;
    } while (*at);
    return true;
}

void read_index(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    struct range_list list = {0};
    bool right = true;
    if (value->kind == VALUE_ARRAY) {
        for (size_t i = 0; right && i < value->array.count; i++)
            right = add_ranges(reader, key, value->array.items[i], &list);
        if (!value->array.count)
            REPORT(reader, DIAG_E018, value->span, NULL, NULL, "`%s` is an empty list", key->name);
    } else {
        right = add_ranges(reader, key, value, &list);
    }
    if (right) {
        *(struct index_range **)field = list.items;
        *(size_t *)field_2 = list.count;
    }
}

void read_cpu_count(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    if (value->kind == VALUE_INTEGER) {
        if (value->integer >= 1 && value->integer <= 65536) {
            *(enum cpu_report *)field = CPUS_NUMBER;
            *(struct cpu_number *)field_2 =
                (struct cpu_number){(uint32_t)value->integer, reader_span(reader, value->span)};
        } else {
            REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` must be from 1 to 65536", key->name);
        }
        return;
    }
    int word = word_of_value(reader, key, value);
    if (word >= 0)
        *(enum cpu_report *)field = (enum cpu_report)word;
}

void read_threads(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    struct thread_count count = {0};
    struct text text;
    (void)field_2;
    if (!text_of(reader, key, value, &text))
        return;
    count.span = text.span;
    if (pool_size_parse(text.value, &count.size, &count.number) == 0)
        *(struct thread_count *)field = count;
    else
        REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` takes %s", key->name, key_type_text(key));
}

void read_number(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    if (value->kind != VALUE_INTEGER)
        report_wrong_type(reader, key, value);
    else if (value->integer < 1 || value->integer > 1 << 24)
        REPORT(reader, DIAG_E015, value->span, NULL, NULL, "`%s` must be from 1 to %d", key->name, 1 << 24);
    else
        *(uint32_t *)field = (uint32_t)value->integer;
}

void read_labels(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    if (value->kind != VALUE_TABLE) {
        report_wrong_type(reader, key, value);
        return;
    }
    struct label *labels = reader_alloc(reader, (value->table.count + 1) * sizeof(*labels));
    size_t used = 0;
    for (size_t i = 0; labels && i < value->table.count; i++) {
        const struct entry *entry = &value->table.entries[i];
        if (!is_variable_name(entry->key))
            REPORT(reader, DIAG_E027, entry->key_span, NULL, NULL, "`%s` is not the name of a label", entry->key);
        else if (entry->value->kind != VALUE_STRING)
            REPORT(reader, DIAG_E013, entry->value->span, NULL, NULL, "a label is a string, not %s",
                   value_kind_name(entry->value->kind));
        else
            labels[used++] = (struct label){reader_text(reader, entry->key), reader_text(reader, entry->value->string)};
    }
    *(struct label **)field = labels;
    *(size_t *)field_2 = used;
}

static void read_template(struct reader *reader, const struct key *key, const struct value *value,
                          const char *const *words, const char *known, const char **field)
{
    struct text text;
    if (!text_of(reader, key, value, &text))
        return;
    size_t offset, length;
    if (find_unknown_brace(text.value, words, &offset, &length)) {
        REPORT(reader, DIAG_E026, span_inside(value, offset, length), NULL, known, "`%.*s` is not known in `%s`",
               (int)length, text.value + offset, key->name);
        return;
    }
    *field = text.value;
}

void read_report_file(struct reader *reader, const struct key *key, const struct value *value, void *field,
                      void *field_2)
{
    static const char *const words[] = {"comm", "pid", "hostname", "rank", NULL};
    (void)field_2;
    read_template(reader, key, value, words, "known are {comm}, {pid}, {hostname} and {rank}", field);
}

void read_thread_name(struct reader *reader, const struct key *key, const struct value *value, void *field,
                      void *field_2)
{
    static const char *const words[] = {"n", "rule", NULL};
    (void)field_2;
    read_template(reader, key, value, words, "known are {n} and {rule}", field);
}

void read_rule_name(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    struct text text;
    if (!text_of(reader, key, value, &text))
        return;
    if (!is_rule_name(text.value))
        REPORT(reader, DIAG_E020, value->span, NULL,
               "letters and digits, with single '-' or '_' between them, at most 31", "`%s` cannot be a name",
               text.value);
    *(const char **)field = text.value;
}

void read_version(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field;
    (void)field_2;
    if (value->kind != VALUE_INTEGER)
        report_wrong_type(reader, key, value);
    else if (value->integer != 1)
        REPORT(reader, DIAG_E011, value->span, NULL, "this nodewise reads schema = 1", "`schema` is %lld",
               (long long)value->integer);
}

void read_bool(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    if (value->kind != VALUE_BOOL)
        report_wrong_type(reader, key, value);
    else
        *(bool *)field = value->boolean;
}

void read_tri(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    if (value->kind != VALUE_BOOL)
        report_wrong_type(reader, key, value);
    else
        *(enum tri *)field = value->boolean ? TRI_TRUE : TRI_FALSE;
}

void read_variables(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    struct text_list *list = field;
    (void)field_2;
    *list = texts_of(reader, key, value);
    for (size_t i = 0; i < list->count; i++)
        if (!is_variable_name(list->items[i].value))
            REPORT(reader, DIAG_E027, list->items[i].span, NULL, NULL, "`%s` is not the name of a variable",
                   list->items[i].value);
}

/* Names alone get the number of the process. */
static void read_exported_names(struct reader *reader, const struct key *key, const struct value *value,
                                struct exported **ret_exports, size_t *ret_count)
{
    struct text_list list = {0};
    read_variables(reader, key, value, &list, NULL);
    struct exported *exports = reader_alloc(reader, (list.count + 1) * sizeof(*exports));
    for (size_t i = 0; exports && i < list.count; i++)
        exports[i] = (struct exported){list.items[i].value, "process", list.items[i].span};
    *ret_exports = exports;
    *ret_count = exports ? list.count : 0;
}

void read_exports(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    if (value->kind != VALUE_TABLE) {
        read_exported_names(reader, key, value, field, field_2);
        return;
    }
    struct exported *exports = reader_alloc(reader, (value->table.count + 1) * sizeof(*exports));
    size_t used = 0;
    for (size_t i = 0; exports && i < value->table.count; i++) {
        const struct entry *entry = &value->table.entries[i];
        struct text whose;
        if (!is_variable_name(entry->key))
            REPORT(reader, DIAG_E027, entry->key_span, NULL, NULL, "`%s` is not the name of a variable", entry->key);
        else if (text_of(reader, key, entry->value, &whose))
            exports[used++] = (struct exported){reader_text(reader, entry->key), whose.value, whose.span};
    }
    *(struct exported **)field = exports;
    *(size_t *)field_2 = used;
}

void read_globs(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    *(struct text_list *)field = texts_of(reader, key, value);
}

void read_extends(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field;
    (void)field_2;
    texts_of(reader, key, value);
}

void read_note(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    struct text text;
    (void)field;
    (void)field_2;
    text_of(reader, key, value, &text);
}

void read_word(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    int word = word_of_value(reader, key, value);
    (void)field_2;
    if (word >= 0)
        *(int *)field = word; /* every enum of words.def is an int */
}

void read_choice(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    int word = word_of_value(reader, key, value);
    (void)field_2;
    if (word >= 0)
        *(const char **)field = key->words->words[word].text;
}

void read_words(struct reader *reader, const struct key *key, const struct value *value, void *field, void *field_2)
{
    (void)field_2;
    *(uint32_t *)field = words_of(reader, key, value, *(uint32_t *)field);
}
