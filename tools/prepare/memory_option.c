#include "tools/prepare/memory_option.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "policy/words.h"

static bool is_policy(const char *word)
{
    for (unsigned policy = 0; policy < MEM_COUNT; policy++)
        if (strcmp(word_of(&words_mem_policy, policy), word) == 0)
            return true;
    return false;
}

/* The policy's key then says which one it is called here. */
static bool is_meant_for_policy(const char *word)
{
    struct suggestion suggestion = suggest_for(word);
    const char *const *ours = foreign_word(word);
    for (unsigned policy = 0; policy < MEM_COUNT; policy++)
        suggest_offer(&suggestion, word_of(&words_mem_policy, policy));
    bool meant = is_policy(word) || suggestion.best;
    for (; ours && *ours; ours++)
        meant = meant || is_policy(*ours);
    return meant;
}

struct memory_option memory_option_of(const char *text)
{
    struct memory_option option = {"bind", text};
    char word[MEMORY_OPTION_POLICY];
    size_t length = strcspn(text, ":");
    if (length >= sizeof(word))
        return option;
    snprintf(word, sizeof(word), "%.*s", (int)length, text);
    if (!is_meant_for_policy(word))
        return option;
    memcpy(option.policy, word, sizeof(word));
    option.nodes = text[length] ? text + length + 1 : NULL;
    return option;
}
