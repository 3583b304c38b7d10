/*
 * json_fields: fields of JSON documents of any origin (a file that was edited by hand): each may be missing or of
 * another type. Texts belong to the document.
 */
#ifndef NODEWISE_TOOLS_COMMON_JSON_FIELDS_H
#define NODEWISE_TOOLS_COMMON_JSON_FIELDS_H

#include <stdbool.h>

#include <jansson.h>

/* With what a missing one counts as. */
const char *text_of(const json_t *object, const char *key); /* "" */
long long number_of(const json_t *object, const char *key); /* 0 */
bool truth_of(const json_t *object, const char *key);       /* false */

/* --- of a report --- */

/* "as_asked", "partly", "not", "nothing_asked"; "" where there is no verdict. */
const char *verdict_word(const json_t *report);
/* The same as a sentence. */
const char *verdict_text(const json_t *report);
/* One of "alloc_locality", "home_locality", "access_locality", "balance"; -1: not known. */
double locality_of(const json_t *report, const char *name);

#endif
