/*
 * document: what `tune` found, as the JSON document that its views are made of (tune.schema.json), and the winner's policy
 * as a file.
 */
#ifndef NODEWISE_TOOLS_TUNE_DOCUMENT_H
#define NODEWISE_TOOLS_TUNE_DOCUMENT_H

#include <stdio.h>

#include <jansson.h>

#include "tools/tune/tuning.h"

json_t *tune_document(const struct tuning *tuning);
/* Its candidates: those that were measured by their gain, then those that failed, then the others. The caller's. */
json_t *tune_in_order(const json_t *document);

/* A table, and the verdict in words. */
void tune_text(FILE *to, const json_t *document);
/* One page that needs nothing else (picture/page_html.h). */
void tune_page(FILE *to, const json_t *document);
/* The winner's policy, with what was measured as a comment. Only where the verdict is "better". */
void tune_policy(FILE *to, const json_t *document);

#endif
