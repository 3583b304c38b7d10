/*
 * json_text: texts of any origin in JSON. In a document they are what they are; in the output, what is not printable
 * (config/printable.h) is written as \uHHHH, which reads back as the same.
 */
#ifndef NODEWISE_CONFIG_JSON_TEXT_H
#define NODEWISE_CONFIG_JSON_TEXT_H

#include <stdio.h>

#include <jansson.h>

/* A string of that text; where it is not UTF-8, as a person would be shown it. New reference, NULL without memory. */
json_t *json_any_text(const char *text);
/* A copy of a document in which each text is as a person is shown it. New reference. */
json_t *json_printable(const json_t *document);
/* Writes a document in the order of its keys, `indent` blanks a level, with a newline. 0 or -1. */
int json_write(FILE *to, const json_t *document, unsigned indent);

#endif
