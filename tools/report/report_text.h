/*
 * report_text: the JSON report for people. Reads documents of any origin (a file that somebody edited), so every
 * field may be missing or of another type and then prints as nothing.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_TEXT_H
#define NODEWISE_TOOLS_REPORT_REPORT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

enum report_depth {
    REPORT_SUMMARY, /* the process and a line a rule */
    REPORT_THREADS, /* also every thread */
    REPORT_FULL,    /* also verdict, hints and events */
};

void report_text(FILE *to, const json_t *report, enum report_depth depth);

/* Fields of a document, with what a missing one counts as. */
const char *text_of(const json_t *object, const char *key); /* "" */
long long number_of(const json_t *object, const char *key); /* 0 */
bool truth_of(const json_t *object, const char *key);       /* false */

/* An array of objects as a table: of each the fields of those keys, texts and integers. */
void rows_print(FILE *to, const json_t *rows, const char *const *headings, const char *const *keys, size_t columns);
#define ROW_COLUMNS 16 /* at most */

#endif
