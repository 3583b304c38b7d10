/*
 * words: the enumerations of the policy language, and their words both ways. Generated from words.def.
 *
 * Pure tables: any thread, signal-safe, no allocation, also inside the shim (which uses only the enums).
 */
#ifndef NODEWISE_POLICY_WORDS_H
#define NODEWISE_POLICY_WORDS_H

#include <stddef.h>

#define ENUM_BEGIN(type, PREFIX)             enum type {
#define WORD(type, PREFIX, NAME, word, help) PREFIX##_##NAME,
#define ENUM_END(type, PREFIX)                                                                                         \
    PREFIX##_COUNT                                                                                                     \
    }                                                                                                                  \
    ;
#include "policy/words.def"
#undef ENUM_BEGIN
#undef WORD
#undef ENUM_END

struct word {
    const char *text;
    const char *help; /* half a sentence for `explain`, the schema and the manual */
};

struct word_list {
    const char *type; /* "distribution" */
    const struct word *words;
    size_t count; /* words[value] for value in 0..count-1 */
};

/* words_level, words_distribution, …: one list for each enumeration. */
#define ENUM_BEGIN(type, PREFIX) extern const struct word_list words_##type;
#define WORD(type, PREFIX, NAME, word, help)
#define ENUM_END(type, PREFIX)
#include "policy/words.def"
#undef ENUM_BEGIN
#undef WORD
#undef ENUM_END

/* The word of a value; "?" outside the list, so that a damaged number prints and does not crash. */
const char *word_of(const struct word_list *list, unsigned value);
/* The value of a word, or -1. Exact, case-sensitive. */
int word_value(const struct word_list *list, const char *text);

#endif
