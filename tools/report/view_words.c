#include "tools/report/view_words.h"

#include <string.h>

static const struct view_word {
    const char *where, *word, *text;
} view_words[] = {
#define VIEW_WORD(where, word, text) {where, word, text},
#include "tools/report/view_words.def"
#undef VIEW_WORD
};

/* The next from `at` on; NULL: there is none. */
static const struct view_word *find(size_t *at, const char *word)
{
    while (*at < sizeof(view_words) / sizeof(*view_words)) {
        const struct view_word *found = &view_words[(*at)++];
        if (strcmp(found->word, word) == 0)
            return found;
    }
    return NULL;
}

void view_words_each(void (*visit)(void *context, const char *word, const char *text), void *context)
{
    for (size_t i = 0; i < sizeof(view_words) / sizeof(*view_words); i++)
        visit(context, view_words[i].word, view_words[i].text);
}

bool view_word_print(FILE *to, const char *word)
{
    const struct view_word *found;
    size_t at = 0;
    bool any = false;
    for (; (found = find(&at, word)); any = true)
        fprintf(to, "%s (%s): %s\n", word, found->where, found->text);
    return any;
}

json_t *view_word_json(const char *word)
{
    const struct view_word *found;
    json_t *meanings = json_array();
    size_t at = 0;
    while ((found = find(&at, word)))
        json_array_append_new(meanings, json_pack("{s:s, s:s}", "of", found->where, "text", found->text));
    if (json_array_size(meanings))
        return json_pack("{s:s, s:o}", "word", word, "meanings", meanings);
    json_decref(meanings);
    return NULL;
}
