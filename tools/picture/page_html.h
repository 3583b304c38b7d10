/*
 * page_html: a report or a plan as one HTML page: no script, nothing from the network, readable on a phone, on paper,
 * and with dark colours where the reader's system has them.
 */
#ifndef NODEWISE_TOOLS_PICTURE_PAGE_HTML_H
#define NODEWISE_TOOLS_PICTURE_PAGE_HTML_H

#include <stdio.h>

#include <jansson.h>

void page_report(FILE *to, const json_t *report);
/* The document of `nodewise plan --json`. */
void page_plan(FILE *to, const json_t *plan);

#endif
