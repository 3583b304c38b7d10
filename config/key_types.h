/*
 * key_types: what the forms of values (key_types.def) can do: read themselves, describe themselves as JSON Schema,
 * stand alone in a variable. Private to config/.
 *
 * Constant data; any thread.
 */
#ifndef NODEWISE_CONFIG_KEY_TYPES_H
#define NODEWISE_CONFIG_KEY_TYPES_H

#include <jansson.h>

#include "config/keys.h"
#include "config/value.h"

struct reader;

/* What a value that stands alone may be, in a variable or behind --set; what is not TOML then is taken as a string. */
enum bare {
    BARE_TEXT,  /* TOML when it begins with a quote */
    BARE_LIST,  /* TOML when it begins with a quote or a bracket */
    BARE_TOML,  /* TOML when it parses */
    BARE_TABLE, /* TOML alone */
};

/* A value into its field; wrong ones are reported and leave the field as it was. */
typedef void key_reader(struct reader *reader, const struct key *key, const struct value *value, void *field,
                        void *field_2);
/* A new reference, or NULL without memory. */
typedef json_t *key_schema_maker(const struct key *key);

struct key_type {
    const char *text; /* half a sentence on the form of the value */
    key_reader *read;
    key_schema_maker *schema;
    enum bare bare;
};

const struct key_type *key_type_of(const struct key *key);

#define KEY_TYPE(name, bare, read, schema, text)                                                                       \
    key_reader read;                                                                                                   \
    key_schema_maker schema;
#include "config/key_types.def"
#undef KEY_TYPE

#endif
