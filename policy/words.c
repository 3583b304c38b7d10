#include "policy/words.h"

#include <string.h>

#define ENUM_BEGIN(type, PREFIX)             static const struct word table_##type[] = {
#define WORD(type, PREFIX, NAME, word, help) [PREFIX##_##NAME] = {word, help},
#define ENUM_END(type, PREFIX)                                                                                         \
    }                                                                                                                  \
    ;                                                                                                                  \
    const struct word_list words_##type = {#type, table_##type, PREFIX##_COUNT};
#include "policy/words.def"
#undef ENUM_BEGIN
#undef WORD
#undef ENUM_END

const char *word_of(const struct word_list *list, unsigned value)
{
    return value < list->count ? list->words[value].text : "?";
}

int word_value(const struct word_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->words[i].text, text) == 0)
            return (int)i;
    return -1;
}
