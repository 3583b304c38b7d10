#include "config/key_types.h"

static const struct key_type types[] = {
#define KEY_TYPE(name, bare, read, schema, text) [KEY_##name] = {text, read, schema, bare},
#include "config/key_types.def"
#undef KEY_TYPE
};

const struct key_type *key_type_of(const struct key *key)
{
    return &types[key->type];
}

const char *key_type_text(const struct key *key)
{
    return key_type_of(key)->text;
}
