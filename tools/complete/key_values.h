/* key_values: the keys of the policy language and the words that they take, for completion. */
#ifndef NODEWISE_TOOLS_COMPLETE_KEY_VALUES_H
#define NODEWISE_TOOLS_COMPLETE_KEY_VALUES_H

#include "tools/complete/answer.h"

/* The keys' paths, "defaults.bind_to". */
void key_values_add_keys(struct answer *answer);
/* The words that the key of that path takes, behind a prefix. */
void key_values_add_words(struct answer *answer, const char *path, const char *prefix);
/*
 * For --set: the keys with their '='; behind one, the words that it takes. NAME in a path is what was typed there
 * ("rules.io."); a path with NAME is offered once that much is typed.
 */
void key_values_add_settings(struct answer *answer, const char *typed);

#endif
