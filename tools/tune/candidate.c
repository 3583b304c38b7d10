#include "tools/tune/candidate.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const candidate_words[] = {
    "places",  "one-cpu", "one-core", "one-l3",  "one-node", "numactl", "bind",    "interleave", "preferred",
    "spreads", "cores",   "cpus",     "scatter", "library",  "presets", "learned", "policy",     NULL,
};

struct candidate *candidate_add(struct candidates *candidates, const char *group, char *name, char *text)
{
    if (!name || !text || candidates->count == CANDIDATES_MOST) {
        free(name);
        free(text);
        return NULL;
    }
    struct candidate *added = &candidates->items[candidates->count++];
    *added = (struct candidate){.name = name, .group = group, .text = text, .granted = "", .contender = SIZE_MAX};
    return added;
}

void candidate_end(struct candidate *candidate, enum candidate_state state, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(candidate->why, sizeof(candidate->why), format, arguments);
    va_end(arguments);
    candidate->state = state;
}

void candidates_free(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        free(candidates->items[i].name);
        free(candidates->items[i].text);
        free(candidates->items[i].options);
    }
    candidates->count = 0;
}

char *candidate_quote(const char *text)
{
    char *quoted = malloc(2 * strlen(text) + 3), *to = quoted;
    if (!quoted)
        return NULL;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    memcpy(to, "\"", 2);
    return quoted;
}

bool candidate_is_wanted(const struct candidate *candidate, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], candidate->name) == 0 || strcmp(words[i], candidate->group) == 0)
            return true;
    return count == 0;
}

bool candidate_is_policy(const char *word)
{
    size_t length = strlen(word);
    return strchr(word, '/') || strncmp(word, "preset:", 7) == 0 ||
           (length > 5 && strcmp(word + length - 5, ".toml") == 0);
}
