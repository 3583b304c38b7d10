/* views: a document of tools/measure/document.h, of any origin, for a person: as text and as a picture. */
#ifndef NODEWISE_TOOLS_MEASURE_VIEWS_H
#define NODEWISE_TOOLS_MEASURE_VIEWS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Heat maps with a mark before each value, in `width` columns; with colour behind it, too. */
void measure_text(FILE *to, const json_t *document, unsigned width, bool colour);
/* The same as SVG by itself. */
void measure_svg(FILE *to, const json_t *document);

/*
 * What was measured under which conditions, a line each, without a newline: how often and when, how much memory in which
 * pages, what was left out. `line` gets a text of any origin, made printable by the caller.
 */
void measure_conditions(const json_t *document, void (*line)(void *context, const char *text), void *context);

#endif
