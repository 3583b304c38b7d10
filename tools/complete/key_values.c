#include "tools/complete/key_values.h"

#include <stdio.h>
#include <string.h>

#include "config/keys.h"

/* A path with NAME filled in, and '=' or a value behind it. */
#define SETTING_MOST (KEY_PATH_MAX + 128)

static bool add_key(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)in;
    answer_add(context, path, key->summary);
    return true;
}

void key_values_add_keys(struct answer *answer)
{
    keys_visit(add_key, answer);
}

static void add_words(struct answer *answer, const struct key *key, const char *prefix)
{
    char word[SETTING_MOST];
    for (unsigned i = 0; key->words && i < key->words->count; i++) {
        snprintf(word, sizeof(word), "%s%s", prefix, key->words->words[i].text);
        if (key_takes_word(key, i))
            answer_add(answer, word, key->words->words[i].help);
    }
    static const char *const truths[] = {"true", "false"};
    for (size_t i = 0; (key->type == KEY_BOOL || key->type == KEY_TRI) && i < 2; i++) {
        snprintf(word, sizeof(word), "%s%s", prefix, truths[i]);
        answer_add(answer, word, NULL);
    }
}

struct wanted {
    struct answer *answer;
    const char *path, *prefix;
};

static bool add_if_wanted(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    const struct wanted *wanted = context;
    (void)in;
    if (strcmp(path, wanted->path) != 0)
        return true;
    add_words(wanted->answer, key, wanted->prefix);
    return false;
}

void key_values_add_words(struct answer *answer, const char *path, const char *prefix)
{
    keys_visit(add_if_wanted, &(struct wanted){answer, path, prefix});
}

struct typed {
    struct answer *answer;
    const char *text;
};

/* "rules.NAME.nodes" with what was typed in NAME's place; false: there is nothing typed there. */
static bool fill_name(const char *path, const char *typed, char *ret_path, size_t size)
{
    const char *name = strstr(path, ".NAME.");
    size_t before = name ? (size_t)(name + 1 - path) : 0;
    if (!name) {
        snprintf(ret_path, size, "%s", path);
        return true;
    }
    if (strncmp(path, typed, before) != 0)
        return false;
    size_t length = strcspn(typed + before, ".=");
    snprintf(ret_path, size, "%.*s%.*s%s", (int)before, path, (int)length, typed + before, name + 5);
    return length > 0 && typed[before + length] == '.';
}

static bool add_setting(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    const struct typed *typed = context;
    char filled[SETTING_MOST / 2], word[SETTING_MOST];
    (void)in;
    if (key->table || key->file_only || !fill_name(path, typed->text, filled, sizeof(filled)))
        return true;
    snprintf(word, sizeof(word), "%s=", filled);
    if (strncmp(typed->text, word, strlen(word)) == 0)
        add_words(typed->answer, key, word);
    else if (!strchr(typed->text, '='))
        answer_add(typed->answer, word, key->summary);
    return true;
}

void key_values_add_settings(struct answer *answer, const char *typed)
{
    keys_visit(add_setting, &(struct typed){answer, typed});
}
