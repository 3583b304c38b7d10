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

#include "policy/setexpr.h"
#include "policy/words.h"

/* what the text may be -> what the field at `offset` is */
enum key_type {
    KEY_TABLE,       /* a table -> the struct that `table` describes */
    KEY_RULES,       /* a list of tables -> struct policy.rules */
    KEY_MATCH,       /* a table or a list of tables -> struct rule.matches */
    KEY_REGIONS,     /* a list of tables -> struct memory.regions */
    KEY_VERSION,     /* the integer 1; no field */
    KEY_EXTENDS,     /* a string or a list; no field: the layers are loaded before anything is read */
    KEY_NOTE,        /* a string for the reader of the file; no field */
    KEY_REPORT_FILE, /* a string with {words} -> const char * */
    KEY_RULE_NAME,   /* a name -> const char *, and struct rule.span */
    KEY_THREAD_NAME, /* a string with {n} and {rule} -> const char * */
    KEY_GLOBS,       /* a pattern or a list -> struct text_list */
    KEY_VARIABLES,   /* an environment variable's name or a list -> struct text_list */
    KEY_SET,         /* a set or a list of fallbacks -> struct set_list */
    KEY_BOOL,        /* true, false -> bool */
    KEY_TRI,         /* true, false -> enum tri */
    KEY_RATIO,       /* 0 to 1 -> double */
    KEY_DURATION,    /* "50ms" -> uint64_t, microseconds */
    KEY_SIZE,        /* "64MiB" -> uint64_t, bytes */
    KEY_INDEX,       /* 3, "0-3,8-" or a list -> struct index_range *, count in `offset_2` */
    KEY_WORD,        /* one of `words` -> enum (int) */
    KEY_CHOICE,      /* one of `words` -> const char * */
    KEY_WORDS,       /* one or more of `words` -> uint32_t, a bit each */
    KEY_CPU_COUNT,   /* one of `words` or an integer -> enum cpu_report, number in `offset_2` */
    KEY_LABELS,      /* a table name = "value" -> struct label *, count in `offset_2` */
};

struct key_table;

struct key {
    const char *name;
    enum key_type type;
    bool file_only;          /* has no environment name and no --set path */
    size_t offset, offset_2; /* in the struct of its table */
    const struct word_list *words;
    uint32_t word_mask; /* the words that this key takes, a bit each; 0: all */
    enum set_unit unit;
    const struct key_table *table; /* KEY_TABLE, KEY_RULES, KEY_MATCH, KEY_REGIONS */
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
extern const struct key_table key_placement, key_rule, key_match, key_memory, key_region, key_rebalance;

/* The key of that name in a table (and in its `more`), or NULL; *ret_offset is what to add to key->offset. */
const struct key *key_find(const struct key_table *table, const char *name, size_t *ret_offset);
/* The n-th key, `more` included, or NULL at the end. */
const struct key *key_at(const struct key_table *table, size_t n);

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
