/* `explain` for keys, tables and words, from the key table. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/json_text.h"
#include "config/keys.h"
#include "config/needs.h"

enum { MAX_PLACES = 8 };

/* one key and where it may stand */
struct hit {
    const struct key *key;
    char paths[MAX_PLACES][KEY_PATH_MAX];
    size_t path_count;
};

struct search {
    char wanted[KEY_PATH_MAX]; /* a path with NAME for a rule's name */
    bool by_word;              /* wanted is a word of an enumeration */
    struct hit found[32];
    size_t count;
};

/* The list of named tables that the path begins with, or NULL. */
static const struct key *find_list(const char *path)
{
    const char *dot = strchr(path, '.');
    const struct key *key;
    for (size_t n = 0; dot && (key = key_at(&key_root, n)); n++)
        if (key_is_named_list(key) && strlen(key->name) == (size_t)(dot - path) &&
            strncmp(path, key->name, strlen(key->name)) == 0)
            return key;
    return NULL;
}

/* rules.io.nodes -> rules.NAME.nodes, NODEWISE_DEFAULTS__BIND_TO -> defaults.bind_to. */
static void normalise(char *ret_wanted, size_t size, const char *asked)
{
    char text[KEY_PATH_MAX];
    size_t length = 0;
    bool variable = strncmp(asked, "NODEWISE_", 9) == 0;
    for (const char *c = variable ? asked + 9 : asked; *c && length + 1 < sizeof(text); c++) {
        if (variable && c[0] == '_' && c[1] == '_') {
            text[length++] = '.';
            c++;
        } else {
            text[length++] = variable ? (char)tolower((unsigned char)*c) : *c;
        }
    }
    text[length] = '\0';
    const struct key *key = find_list(text);
    if (!key) {
        snprintf(ret_wanted, size, "%s", text);
        return;
    }
    const char *list = key->name;
    const char *after = text + strlen(list) + 1;
    const char *dot = strchr(after, '.');
    char first[KEY_PATH_MAX];
    snprintf(first, sizeof(first), "%.*s", dot ? (int)(dot - after) : (int)strlen(after), after);
    if (key_find(key->table, first, NULL)) /* rules.bind_to: the name was left out */
        snprintf(ret_wanted, size, "%s.NAME.%s", list, after);
    else if (dot)
        snprintf(ret_wanted, size, "%s.NAME%s", list, dot);
    else
        snprintf(ret_wanted, size, "%s", list);
}

/* The whole path, or its end behind a dot: "bind_to" finds defaults.bind_to. */
static bool is_path(const char *path, const char *wanted)
{
    size_t length = strlen(path), end = strlen(wanted);
    return end && length >= end && strcmp(path + length - end, wanted) == 0 &&
           (length == end || path[length - end - 1] == '.');
}

static bool takes_wanted_word(const struct key *key, const char *word)
{
    int value = key->words ? word_value(key->words, word) : -1;
    return value >= 0 && key_takes_word(key, (unsigned)value);
}

static bool look_at(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    struct search *search = context;
    (void)in;
    if (search->by_word ? !takes_wanted_word(key, search->wanted) : !is_path(path, search->wanted))
        return true;
    struct hit *hit = NULL;
    for (size_t i = 0; i < search->count; i++)
        if (search->found[i].key == key)
            hit = &search->found[i];
    if (!hit) {
        if (search->count == sizeof(search->found) / sizeof(search->found[0]))
            return false;
        hit = &search->found[search->count++];
        hit->key = key;
    }
    if (hit->path_count < MAX_PLACES)
        snprintf(hit->paths[hit->path_count++], KEY_PATH_MAX, "%s", path);
    return true;
}

static void print_wrapped(FILE *to, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column && column + 1 + word > 76) {
            fputc('\n', to);
            column = 0;
        }
        fprintf(to, "%s%.*s", column ? " " : "  ", (int)word, text);
        column += word + 1;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static void print_words(FILE *to, const struct key *key)
{
    for (unsigned i = 0; key->words && i < key->words->count; i++)
        if (key_takes_word(key, i))
            fprintf(to, "             %-20s %s\n", key->words->words[i].text, key->words->words[i].help);
}

static void print_key(FILE *to, const struct hit *hit)
{
    const struct key *key = hit->key;
    fprintf(to, "%s: %s\n", key->name, key->summary);
    for (size_t i = 0; i < hit->path_count; i++) {
        char variable[2 * KEY_PATH_MAX];
        fprintf(to, "  %-9s  %s\n", i ? "" : "path", hit->paths[i]);
        if (key_environment_name(key, hit->paths[i], variable, sizeof(variable)))
            fprintf(to, "  %-9s  %s\n", i ? "" : "variable", variable);
    }
    fprintf(to, "  %-9s  %s\n", "value", key_type_text(key));
    print_words(to, key);
    if (!key->table)
        fprintf(to, "  %-9s  %s\n", "default", key->fallback ? key->fallback : "none");
    char needs[NEEDS_TEXT_MAX];
    if (needs_text(key, needs, sizeof(needs)))
        fprintf(to, "  no effect  %s%s%sunless %s\n", key->needed_for ? "as `" : "",
                key->needed_for ? key->needed_for : "", key->needed_for ? "` " : "", needs);
    if (key->text) {
        fputc('\n', to);
        print_wrapped(to, key->text);
    }
    if (!key->table)
        return;
    fputc('\n', to);
    print_wrapped(to, key->table->summary);
    const struct key *inner;
    for (size_t n = 0; (inner = key_at(key->table, n)); n++)
        fprintf(to, "    %-18s %s\n", inner->name, inner->summary);
}

static json_t *key_to_json(const struct hit *hit)
{
    const struct key *key = hit->key;
    json_t *paths = json_array(), *variables = json_array(), *words = json_object();
    for (size_t i = 0; i < hit->path_count; i++) {
        char variable[2 * KEY_PATH_MAX];
        json_array_append_new(paths, json_string(hit->paths[i]));
        if (key_environment_name(key, hit->paths[i], variable, sizeof(variable)))
            json_array_append_new(variables, json_string(variable));
    }
    for (unsigned i = 0; key->words && i < key->words->count; i++)
        if (key_takes_word(key, i))
            json_object_set_new(words, key->words->words[i].text, json_string(key->words->words[i].help));
    json_t *keys = json_object();
    const struct key *inner;
    for (size_t n = 0; key->table && (inner = key_at(key->table, n)); n++)
        json_object_set_new(keys, inner->name, json_string(inner->summary));
    char needs[NEEDS_TEXT_MAX];
    bool has_needs = needs_text(key, needs, sizeof(needs));
    return json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o}", "key", key->name, "summary", key->summary,
                     "text", key->text, "value", key_type_text(key), "default", key->fallback, "needs",
                     has_needs ? needs : NULL, "paths", paths, "variables", variables, "words", words, "keys", keys);
}

bool config_explain(FILE *to, const char *asked, bool json)
{
    struct search search = {.count = 0};
    normalise(search.wanted, sizeof(search.wanted), asked);
    keys_visit(look_at, &search);
    if (!search.count) {
        search.by_word = true;
        snprintf(search.wanted, sizeof(search.wanted), "%s", asked);
        keys_visit(look_at, &search);
    }
    if (!search.count)
        return false;

    json_t *list = json ? json_array() : NULL;
    for (size_t i = 0; i < search.count; i++) {
        const struct hit *hit = &search.found[i];
        if (list) {
            json_array_append_new(list, key_to_json(hit));
        } else if (search.by_word) {
            int word = word_value(hit->key->words, search.wanted);
            fprintf(to, "%s = %s: %s\n", hit->paths[0], search.wanted, hit->key->words->words[word].help);
        } else {
            fputs(i ? "\n" : "", to);
            print_key(to, hit);
        }
    }
    if (list) {
        json_write(to, list, 2);
        json_decref(list);
    }
    return true;
}
