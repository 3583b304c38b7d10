/* Values that stand alone: in an environment variable, after --set, in the table of keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/key_types.h"
#include "config/read.h"
#include "config/toml.h"
#include "config/units.h"

/* Parses "v=TEXT", padded so that the value stands in the column in which it stands in its source. */
static struct value *parse_value(struct pool *pool, const char *text, struct span at, struct toml_error *ret_error)
{
    size_t length = strlen(text), prefix = at.column - 1;
    char *line = malloc(prefix + length + 1);
    if (!line)
        return NULL;
    memset(line, ' ', prefix);
    line[0] = 'v';
    line[prefix - 1] = '=';
    memcpy(line + prefix, text, length);

    struct value *root = NULL, *value = NULL;
    if (toml_parse(&root, pool, at.source, line, prefix + length, ret_error) == 0 && root->table.count == 1)
        value = root->table.entries[0].value; /* one entry: a newline in the text did not add another key */
    free(line);
    return value;
}

/* Does TOML make sense for the key, by the first character of the text? */
static bool may_be_toml(const struct key *key, const char *text)
{
    bool quoted = text[0] == '"' || text[0] == '\'';
    switch (key_type_of(key)->bare) {
    case BARE_TEXT:
        return quoted;
    case BARE_LIST:
        return quoted || text[0] == '[';
    case BARE_TOML:
    case BARE_TABLE:
        return true;
    }
    return false;
}

static bool takes_tables_alone(const struct key *key)
{
    return key_type_of(key)->bare == BARE_TABLE;
}

bool is_plain_text(const struct key *key, const char *text)
{
    if (takes_tables_alone(key))
        return false;
    if (!may_be_toml(key, text))
        return true;
    struct pool pool = {0};
    struct toml_error error;
    bool plain = !parse_value(&pool, text, (struct span){NULL, 1, 3, 1}, &error);
    pool_free(&pool);
    return plain;
}

struct value *value_of_text(struct pool *pool, const struct key *key, const char *text, struct span at,
                            struct diag_list *diags)
{
    struct toml_error error = {0};
    struct value *value = may_be_toml(key, text) ? parse_value(pool, text, at, &error) : NULL;
    if (value)
        return value;
    if (takes_tables_alone(key)) {
        if (diags)
            diag_add(diags, DIAG_E003, error.span.line ? error.span : at, NULL, NULL, "`%s` takes %s: %s", key->name,
                     key_type_text(key), error.message);
        return NULL;
    }
    at.length = text_width(text) + 2;
    value = value_new(pool, VALUE_STRING, at);
    if (value)
        value->string = pool_strdup(pool, text);
    return value && value->string ? value : NULL;
}
