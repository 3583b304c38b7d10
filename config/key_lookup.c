#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/keys.h"

const struct key *key_find(const struct key_table *table, const char *name, size_t *ret_offset)
{
    size_t offset = 0;
    for (; table; offset += table->more_offset, table = table->more)
        for (size_t i = 0; i < table->count; i++)
            if (strcmp(table->keys[i].name, name) == 0) {
                if (ret_offset)
                    *ret_offset = offset;
                return &table->keys[i];
            }
    return NULL;
}

const struct key *key_at(const struct key_table *table, size_t n)
{
    for (; table; n -= table->count, table = table->more)
        if (n < table->count)
            return &table->keys[n];
    return NULL;
}

bool key_is_named_list(const struct key *key)
{
    return key->type == KEY_RULES || key->type == KEY_POOLS || key->type == KEY_EXCHANGES;
}

bool key_takes_word(const struct key *key, unsigned word)
{
    return word < key->words->count && (!key->word_mask || (key->word_mask >> word & 1));
}

struct visit {
    key_visitor *visitor;
    void *context;
    char path[KEY_PATH_MAX];
};

static bool visit_table(struct visit *visit, const struct key_table *table)
{
    size_t length = strlen(visit->path);
    const struct key *key;
    for (size_t n = 0; (key = key_at(table, n)); n++) {
        snprintf(visit->path + length, sizeof(visit->path) - length, "%s%s", length ? "." : "", key->name);
        if (!visit->visitor(visit->context, visit->path, key, table))
            return false;
        if (key->table) {
            if (key_is_named_list(key))
                strncat(visit->path, ".NAME", sizeof(visit->path) - strlen(visit->path) - 1);
            if (!visit_table(visit, key->table))
                return false;
        }
        visit->path[length] = '\0';
    }
    return true;
}

void keys_visit(key_visitor *visitor, void *context)
{
    struct visit visit = {visitor, context, ""};
    visit_table(&visit, &key_root);
}

bool key_environment_name(const struct key *key, const char *path, char *ret_name, size_t size)
{
    /* Mapping rules (memory.regions) have no unique key, so no variable can name one; the whole list has one. The name
     * of a rule is a part of the path. */
    if (key->file_only || key->type == KEY_RULE_NAME || strstr(path, ".regions."))
        return false;
    size_t at = (size_t)snprintf(ret_name, size, "NODEWISE_");
    for (const char *c = path; *c && at + 3 < size; c++) {
        if (*c == '.') {
            ret_name[at++] = '_';
            ret_name[at++] = '_';
        } else {
            ret_name[at++] = (char)toupper((unsigned char)*c);
        }
    }
    ret_name[at < size ? at : size - 1] = '\0';
    return true;
}
