/*
 * value: a tree of what a text says, with the place of every key and value: what TOML gives, without C++.
 *
 * Ownership: the pool that a tree was built in. Trees are changed only while they are built and merged;
 * merging never changes its inputs. Keys keep the order in which they were added.
 */
#ifndef NODEWISE_CONFIG_VALUE_H
#define NODEWISE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diag.h"
#include "policy/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

enum value_kind {
    VALUE_STRING,
    VALUE_INTEGER,
    VALUE_FLOAT,
    VALUE_BOOL,
    VALUE_TIME, /* TOML dates and times: no key takes one, so only the fact is kept */
    VALUE_ARRAY,
    VALUE_TABLE,
};

struct value;

/* one key of a table */
struct entry {
    const char *key;
    struct span key_span;
    struct value *value;
};

struct value {
    enum value_kind kind;
    struct span span; /* a string's starts at its opening quote */
    union {
        const char *string; /* UTF-8 without NUL inside */
        int64_t integer;
        double number;
        bool boolean;
        struct {
            struct value **items;
            size_t count, capacity;
        } array;
        struct {
            struct entry *entries;
            size_t count, capacity;
        } table;
    };
};

/* NULL without memory. */
struct value *value_new(struct pool *pool, enum value_kind kind, struct span span);
/* 0 or -ENOMEM. table_add does not look for an earlier key of the same name. */
int array_add(struct pool *pool, struct value *array, struct value *item);
int table_add(struct pool *pool, struct value *table, const char *key, struct span key_span, struct value *value);

/* The entry of that key, or NULL; also NULL when the value is no table. */
struct entry *table_find(const struct value *table, const char *key);
void table_remove(struct value *table, const char *key);

/* "a string", "a table": for messages. */
const char *value_kind_name(enum value_kind kind);

#ifdef __cplusplus
}
#endif

#endif
