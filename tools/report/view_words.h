/* view_words: what the words mean that ps, show, top, why, verify, report and diff print, for `explain`. */
#ifndef NODEWISE_TOOLS_REPORT_VIEW_WORDS_H
#define NODEWISE_TOOLS_REPORT_VIEW_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

void view_words_each(void (*visit)(void *context, const char *word, const char *text), void *context);
/* A line for each place where the word stands. false: it stands nowhere. */
bool view_word_print(FILE *to, const char *word);
/* {"word", "meanings": [{"of", "text"}]}; NULL: it stands nowhere. */
json_t *view_word_json(const char *word);

#endif
