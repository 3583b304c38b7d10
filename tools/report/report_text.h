/*
 * report_text: the JSON report for people. Reads documents of any origin (a file that was edited by hand), so every
 * field may be missing or of another type and then prints as nothing.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_TEXT_H
#define NODEWISE_TOOLS_REPORT_REPORT_TEXT_H

#include <stdio.h>

#include <jansson.h>

enum report_depth {
    REPORT_SUMMARY, /* the process and a line a rule */
    REPORT_THREADS, /* also every thread */
    REPORT_FULL,    /* also verdict, hints and events */
};

void report_text(FILE *to, const json_t *report, enum report_depth depth);

#endif
