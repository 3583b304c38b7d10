/*
 * report_load: a report, wherever it comes from: a running process or a file of an earlier one.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_LOAD_H
#define NODEWISE_TOOLS_REPORT_REPORT_LOAD_H

#include <stdbool.h>

#include <jansson.h>

/*
 * `word` is a process id or a JSON report's path; pages: also look where the process's memory lies. EXIT_OK with a
 * new reference, or the exit code after having said why, in the name of `verb`.
 */
int report_load(const char *verb, const char *word, bool pages, json_t **ret_report);
/* Puts "pages" into a report and judges it anew, because the verdict depends on them. Takes the reference. */
void report_add_pages(json_t *report, json_t *pages);

#endif
