/* Values that stand alone: in an environment variable, after --set, in the table of keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* What the first character of the text must be for TOML to make sense for the key. */
static bool may_be_toml(const struct key *key, const char *text)
{
    bool quoted = text[0] == '"' || text[0] == '\'';
    switch (key->type) {
    case KEY_TABLE:
    case KEY_RULES:
    case KEY_MATCH:
    case KEY_REGIONS:
    case KEY_LABELS:
    case KEY_BOOL:
    case KEY_TRI:
    case KEY_RATIO:
    case KEY_CPU_COUNT:
    case KEY_VERSION:
        return true;
    case KEY_GLOBS:
    case KEY_VARIABLES:
    case KEY_SET:
    case KEY_INDEX:
    case KEY_WORDS:
    case KEY_EXTENDS:
        return quoted || text[0] == '[';
    default:
        return quoted;
    }
}

static bool takes_tables_alone(const struct key *key)
{
    return key->table || key->type == KEY_LABELS;
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
