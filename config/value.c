#include "config/value.h"

#include <errno.h>
#include <string.h>

struct value *value_new(struct pool *pool, enum value_kind kind, struct span span)
{
    struct value *value = pool_alloc(pool, sizeof(*value));
    if (value) {
        value->kind = kind;
        value->span = span;
    }
    return value;
}

/* Doubles the room of a list; the old piece stays in the pool, which costs at most as much again. */
static void *grown(struct pool *pool, const void *old, size_t count, size_t *capacity, size_t size)
{
    size_t larger = *capacity ? *capacity * 2 : 4;
    void *list = pool_alloc(pool, larger * size);
    if (!list)
        return NULL;
    if (count)
        memcpy(list, old, count * size);
    *capacity = larger;
    return list;
}

int array_add(struct pool *pool, struct value *array, struct value *item)
{
    if (array->array.count == array->array.capacity) {
        struct value **items =
            grown(pool, array->array.items, array->array.count, &array->array.capacity, sizeof(*items));
        if (!items)
            return -ENOMEM;
        array->array.items = items;
    }
    array->array.items[array->array.count++] = item;
    return 0;
}

int table_add(struct pool *pool, struct value *table, const char *key, struct span key_span, struct value *value)
{
    if (table->table.count == table->table.capacity) {
        struct entry *entries =
            grown(pool, table->table.entries, table->table.count, &table->table.capacity, sizeof(*entries));
        if (!entries)
            return -ENOMEM;
        table->table.entries = entries;
    }
    table->table.entries[table->table.count++] = (struct entry){key, key_span, value};
    return 0;
}

struct entry *table_find(const struct value *table, const char *key)
{
    if (!table || table->kind != VALUE_TABLE)
        return NULL;
    for (size_t i = 0; i < table->table.count; i++)
        if (strcmp(table->table.entries[i].key, key) == 0)
            return &table->table.entries[i];
    return NULL;
}

void table_remove(struct value *table, const char *key)
{
    struct entry *entry = table_find(table, key);
    if (!entry)
        return;
    size_t after = (size_t)(table->table.entries + table->table.count - entry - 1);
    memmove(entry, entry + 1, after * sizeof(*entry));
    table->table.count--;
}

const char *value_kind_name(enum value_kind kind)
{
    switch (kind) {
    case VALUE_STRING:
        return "a string";
    case VALUE_INTEGER:
        return "an integer";
    case VALUE_FLOAT:
        return "a number";
    case VALUE_BOOL:
        return "true or false";
    case VALUE_TIME:
        return "a date or time";
    case VALUE_ARRAY:
        return "a list";
    case VALUE_TABLE:
        return "a table";
    }
    return "?";
}
