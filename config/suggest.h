/*
 * suggest: "did you mean": the nearest of the names that would have been right, and our words for those of
 * other tools. Pure; no allocation.
 */
#ifndef NODEWISE_CONFIG_SUGGEST_H
#define NODEWISE_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *wrong;
    const char *best; /* one of the offered names, or NULL: nothing is near enough */
    unsigned distance;
};

struct suggestion suggest_for(const char *wrong);
/* Offers a right name; it must outlive the suggestion. */
void suggest_offer(struct suggestion *suggestion, const char *name);

/* Insertions, deletions, replacements and swaps of neighbours between two names, without regard to case. */
unsigned edit_distance(const char *a, const char *b);

/* The words here for a key or value word of another tool, in order of likelihood; NULL-terminated, or NULL. */
const char *const *foreign_key(const char *name);
const char *const *foreign_word(const char *word);

/* What to do instead of a key that earlier versions had in the table of that name ("" at the top level), or NULL. */
const char *former_key(const char *table, const char *name);

#endif
