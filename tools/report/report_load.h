/*
 * report_load: a report, wherever it comes from: a running process or a file of an earlier one.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_LOAD_H
#define NODEWISE_TOOLS_REPORT_REPORT_LOAD_H

#include <stdbool.h>

#include <jansson.h>

/*
 * `word` is a JSON report's path, or names processes (targets.h). `take` is given a report of each; pages: also where the
 * process's memory lies. The worst exit code, after having said in the name of `verb` why it is not EXIT_OK.
 */
int report_each(const char *verb, const char *word, bool pages, int (*take)(void *context, const json_t *report),
                void *context);
/* The same of a word that is one report or process: EXIT_OK with a new reference. */
int report_load(const char *verb, const char *word, json_t **ret_report);
/* Puts "pages" into a report and judges it anew, because the verdict depends on them. Takes the reference. */
void report_add_pages(json_t *report, json_t *pages);

#endif
