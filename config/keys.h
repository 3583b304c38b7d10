/*
 * keys: every key of the policy language, once. The reader, the JSON Schema, `explain`, the manual, `config
 * show` and the names of environment variables are all made from this table.
 *
 * Constant data; any thread.
 */
#ifndef NODEWISE_CONFIG_KEYS_H
#define NODEWISE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"

/* The form of a value, and what the field at `offset` is. */
enum key_type_id {
#define KEY_TYPE(name, ...) KEY_##name,
#include "config/key_types.def"
#undef KEY_TYPE
};

struct key_table;

/*
 * What a key needs to have an effect: another key of its table, or of the table around it as "..NAME", that is one of
 * these words, is none of those, or, without words, is given.
 */
struct need {
    const char *key;
    const char *is[4], *is_not[4];
};

struct key {
    const char *name;
    enum key_type_id type;
    bool file_only;          /* has no environment name and no --set path */
    size_t offset, offset_2; /* in the struct of its table */
    const struct word_list *words;
    uint32_t word_mask;            /* the words that this key takes, a bit each; 0: all */
    const struct key_table *table; /* KEY_TABLE, KEY_RULES, KEY_POOLS, KEY_EXCHANGES, KEY_MATCH, KEY_MAPPING_RULES */
    struct need needs[5];          /* one of them is enough; the needs of that key count as well */
    const char *needed_for;        /* the word of this key that has these needs; NULL: any */
    const char *fallback;          /* built-in value as text, NULL: none */
    const char *summary;           /* half a sentence */
    const char *text;              /* more for `explain` and the manual, or NULL */
};

struct key_table {
    const char *name; /* as in headings: "defaults", "rules" */
    const char *summary;
    const struct key *keys;
    size_t count;
    const struct key_table *more; /* further keys of the same table ([[rules]] has all placement keys) … */
    size_t more_offset;           /* … whose struct begins here */
    bool is_placement;            /* nodes, cpus and near are one group */
};

extern const struct key_table key_root;
extern const struct key_table key_placement, key_rule, key_pool, key_exchange, key_match, key_memory, key_mapping_rule,
    key_rebalance;

/* The key of that name in a table (and in its `more`), or NULL; *ret_offset is what to add to key->offset. */
const struct key *key_find(const struct key_table *table, const char *name, size_t *ret_offset);
/* The n-th key, `more` included, or NULL at the end. */
const struct key *key_at(const struct key_table *table, size_t n);

/* A list of tables that are told apart by `name`, which is a part of the paths of their keys. */
bool key_is_named_list(const struct key *key);
bool key_takes_word(const struct key *key, unsigned word);
/* Half a sentence on the form of the value: "a duration: a whole number and us, ms, s, m or h". */
const char *key_type_text(const struct key *key);

/*
 * Calls visit for every key with its dotted path ("defaults.memory.policy", "rules.NAME.match.thread"),
 * tables before their keys. Stops when visit answers false.
 */
typedef bool key_visitor(void *context, const char *path, const struct key *key, const struct key_table *in);
void keys_visit(key_visitor *visit, void *context);

/* NODEWISE_DEFAULTS__BIND_TO of "defaults.bind_to"; false when the key has none. NAME stays as it is. */
bool key_environment_name(const struct key *key, const char *path, char *ret_name, size_t size);

/* The longest path that keys_visit() makes, with its NUL. */
enum { KEY_PATH_MAX = 128 };

#endif
