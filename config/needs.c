#include "config/needs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One table of the merged tree, with what it takes its missing keys from. */
struct scope {
    const struct key_table *table;
    const struct value *own;       /* NULL: the layers say nothing */
    const struct value *inherited; /* the same table of [defaults], for a rule; else NULL */
    const struct scope *outer;     /* the table around it */
};

enum { MAX_INHERITED = 64 }; /* keys with needs that [defaults] can have; the table has 25 */

struct check {
    struct diag_list *diags;
    const struct entry *useful[MAX_INHERITED]; /* of [defaults]: some rule that takes them has what they need */
    size_t useful_count;
};

/* A value as it holds in the end: of a layer, or the built-in one as text. Both NULL: not given. */
struct effective {
    const struct value *value;
    const char *built_in;
};

/* --- values --- */

/* The key of a need: "..NAME" stands in the table around. *ret_scope is the scope that has it. */
static const struct key *needed_key(const struct scope *scope, const char *name, const struct scope **ret_scope)
{
    if (strncmp(name, "..", 2) == 0) {
        scope = scope->outer;
        name += 2;
    }
    *ret_scope = scope;
    return key_find(scope->table, name, NULL);
}

static struct effective effective_of(const struct scope *scope, const struct key *key)
{
    const struct entry *entry = table_find(scope->own, key->name);
    if (!entry)
        entry = table_find(scope->inherited, key->name);
    return (struct effective){entry ? entry->value : NULL, entry ? NULL : key->fallback};
}

/* The text of a word, of true and false; NULL for other values. */
static const char *word_in(const struct effective *effective)
{
    const struct value *value = effective->value;
    if (!value)
        return effective->built_in;
    if (value->kind == VALUE_BOOL)
        return value->boolean ? "true" : "false";
    return value->kind == VALUE_STRING ? value->string : NULL;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; word && *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static bool is_met(const struct need *need, const struct effective *effective)
{
    if (need->is[0])
        return is_one_of(word_in(effective), need->is);
    if (need->is_not[0])
        return !is_one_of(word_in(effective), need->is_not);
    return effective->value || effective->built_in;
}

/* The key whose needs nothing fulfils: this one, or one that it relies on. NULL: it has an effect. */
static const struct key *find_unmet(const struct scope *scope, const struct key *key, const struct scope **ret_scope)
{
    const struct key *unmet = NULL;
    for (const struct need *need = key->needs; need->key; need++) {
        const struct scope *holder;
        const struct key *other = needed_key(scope, need->key, &holder);
        const struct effective effective = effective_of(holder, other);
        if (!is_met(need, &effective)) {
            unmet = key;
            *ret_scope = scope;
            continue;
        }
        unmet = find_unmet(holder, other, ret_scope);
        if (!unmet)
            return NULL;
    }
    return unmet;
}

/* Does the value ask for anything? The word for "nothing of this" does not, where it is the key's default. */
static bool asks(const struct key *key, const struct value *value)
{
    static const char *const nothing[] = {"off", "none", "false", "default", NULL};
    const struct effective effective = {value, NULL};
    const char *word = word_in(&effective);
    if (word && key->fallback && strcmp(word, key->fallback) == 0 && is_one_of(word, nothing))
        return false;
    return !key->needed_for || (word && strcmp(word, key->needed_for) == 0);
}

/* --- words --- */

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text->at, text->left, format, list);
    va_end(list);
    size_t used = length < 0 ? 0 : (size_t)length < text->left ? (size_t)length : text->left ? text->left - 1 : 0;
    text->at += used;
    text->left -= used;
}

static void add_list(struct text *text, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        add(text, "%s`%s`", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static const char *plain_name(const struct need *need)
{
    return strncmp(need->key, "..", 2) == 0 ? need->key + 2 : need->key;
}

bool needs_text(const struct key *key, char *ret_text, size_t size)
{
    struct text text = {ret_text, size};
    for (const struct need *need = key->needs; need->key; need++) {
        add(&text, "%s`%s` is ", need == key->needs ? "" : " or ", plain_name(need));
        if (need->is[0]) {
            add_list(&text, need->is);
        } else if (need->is_not[0]) {
            add(&text, "not ");
            add_list(&text, need->is_not);
        } else {
            add(&text, "given");
        }
    }
    return key->needs[0].key != NULL;
}

/* "`arena` is `off`", "`file` is not given": all alternatives as they are. */
static void add_state(struct text *text, const struct scope *scope, const struct key *key)
{
    for (const struct need *need = key->needs; need->key; need++) {
        const struct scope *holder;
        const struct key *other = needed_key(scope, need->key, &holder);
        const struct effective effective = effective_of(holder, other);
        const char *word = word_in(&effective);
        add(text, "%s`%s` is ", need == key->needs ? "" : " and ", plain_name(need));
        add(text, word ? "`%s`" : "not given", word);
    }
}

static void add_remedy(struct text *text, const struct scope *scope, const struct key *key)
{
    for (const struct need *need = key->needs; need->key; need++) {
        const struct scope *holder;
        const struct key *other = needed_key(scope, need->key, &holder);
        add(text, need->is[0] || need->is_not[0] ? "set `%s` to " : "give `%s`", plain_name(need));
        if (need->is[0])
            add_list(text, need->is);
        const char *separator = "";
        for (unsigned i = 0; need->is_not[0] && i < other->words->count; i++) {
            const char *word = other->words->words[i].text;
            if (!key_takes_word(other, i) || is_one_of(word, need->is_not))
                continue;
            add(text, "%s`%s`", separator, word);
            separator = " or ";
        }
        add(text, ", or ");
    }
}

static void report(const struct check *check, const struct entry *entry, const struct scope *scope,
                   const struct key *unmet)
{
    char state[512], remedy[512];
    struct text text = {state, sizeof(state)};
    add_state(&text, scope, unmet);
    text = (struct text){remedy, sizeof(remedy)};
    add_remedy(&text, scope, unmet);
    add(&text, "leave `%s` out", entry->key);
    diag_add(check->diags, DIAG_W008, entry->key_span, NULL, remedy, "`%s` has no effect while %s", entry->key, state);
}

/* --- the walk --- */

/* Does another layer say the value by which a preset's key has no effect? Who wrote it can't leave out the preset's key. */
static bool is_overridden(const struct entry *entry, const struct scope *scope, const struct key *unmet)
{
    const char *source = entry->key_span.source;
    if (!source || strncmp(source, "preset:", 7) != 0)
        return false;
    for (const struct need *need = unmet->needs; need->key; need++) {
        const struct scope *holder;
        const struct key *other = needed_key(scope, need->key, &holder);
        const struct effective effective = effective_of(holder, other);
        if (effective.value && effective.value->span.source && strcmp(effective.value->span.source, source) != 0)
            return true;
    }
    return false;
}

static bool is_useful(const struct check *check, const struct entry *entry)
{
    for (size_t i = 0; i < check->useful_count; i++)
        if (check->useful[i] == entry)
            return true;
    return false;
}

static void judge(struct check *check, const struct scope *scope, const struct key *key, const struct entry *entry,
                  bool inherited)
{
    const struct scope *holder;
    if (!key->needs[0].key || !asks(key, entry->value) || is_useful(check, entry))
        return;
    const struct key *unmet = find_unmet(scope, key, &holder);
    if (unmet && !inherited && !is_overridden(entry, holder, unmet))
        report(check, entry, holder, unmet);
    if (!unmet && inherited && check->useful_count < MAX_INHERITED)
        check->useful[check->useful_count++] = entry;
}

static const struct value *table_in(const struct value *table, const char *name)
{
    const struct entry *entry = table_find(table, name);
    return entry ? entry->value : NULL;
}

/* The entries of a table: its own, or those of [defaults] that it takes. */
static void walk(struct check *check, const struct scope *scope, bool inherited)
{
    const struct value *table = inherited ? scope->inherited : scope->own;
    for (size_t i = 0; table && i < table->table.count; i++) {
        const struct entry *entry = &table->table.entries[i];
        const struct key *key = key_find(scope->table, entry->key, NULL);
        if (!key || key_is_named_list(key) ||
            (inherited && key->type != KEY_TABLE && table_find(scope->own, key->name)))
            continue;
        struct scope inner = {key->table, table_in(scope->own, key->name), table_in(scope->inherited, key->name),
                              scope};
        if (key->type == KEY_TABLE)
            walk(check, &inner, inherited);
        else
            judge(check, scope, key, entry, inherited);
        if (key->type != KEY_MAPPING_RULES || inherited)
            continue;
        for (size_t n = 0; n < entry->value->array.count; n++) {
            inner = (struct scope){key->table, entry->value->array.items[n], NULL, scope};
            walk(check, &inner, false);
        }
    }
}

static void walk_list(struct check *check, const struct scope *root, const char *name, const struct key_table *table)
{
    const struct value *list = table_in(root->own, name), *defaults = table_in(root->own, "defaults");
    for (size_t i = 0; list && i < list->array.count; i++) {
        struct scope item = {table, list->array.items[i], defaults, root};
        walk(check, &item, false);
        walk(check, &item, true);
    }
}

void needs_check(const struct value *tree, struct diag_list *diags)
{
    struct check check = {.diags = diags};
    struct scope root = {&key_root, tree, NULL, NULL};
    walk_list(&check, &root, "pools", &key_pool);
    walk_list(&check, &root, "exchanges", &key_exchange);
    walk_list(&check, &root, "rules", &key_rule);
    walk(&check, &root, false);
}
