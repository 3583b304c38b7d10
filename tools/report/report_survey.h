/*
 * report_survey: what a process says itself about where the pages of its threads lie (shim/worker/survey.h): the parts
 * "threads" and "rules" of a report's "pages".
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_SURVEY_H
#define NODEWISE_TOOLS_REPORT_REPORT_SURVEY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

/* Asks the process of that segment; *ret_number for request_wait(). 0 or negative errno. */
int survey_ask(const struct segment_file *segment, uint32_t *ret_number);
/* Waits a moment until it passes a hook. */
void survey_wait(pid_t pid, uint32_t number);

/*
 * Reads the answer, removes it, and adds to `pages`:
 * "threads": [{"tid", "name", "rule", "home_node", "bytes", "resident", "home_locality", "kinds": [{"kind", "bytes",
 * "resident", "home_locality"}]}], "rules": [{"rule", "bytes", "resident", "left", "home_locality"}] ("left": bytes of
 * threads that have ended), "uses": [{"maker", "user", "looks"}] (thread numbers: of what was seen of work on large
 * blocks of the one, how much was the other's), "shared": [{"first", "second", "changes"}] (how often memory of any kind
 * changed hands between two threads); home_locality becomes that of all threads. Where there is none, or it
 * is damaged: "threads" and "rules" are null and "threads_reason" says why.
 */
void survey_add(json_t *pages, const struct snapshot *snapshot, const struct segment_file *segment);
/* Adds that there is no answer, because the process could not be asked: a negative errno. */
void survey_add_error(json_t *pages, int error);

/* The same of an answer that is in memory, aligned for 8 bytes. */
void survey_add_answer(json_t *pages, const struct snapshot *snapshot, const void *answer, size_t size);

void survey_text(FILE *to, const json_t *pages);

#endif
