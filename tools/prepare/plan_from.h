/*
 * plan_from: the threads of a report (of a file, or of a running process) as those of a dry run: what would this policy
 * have done with them?
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_FROM_H
#define NODEWISE_TOOLS_PREPARE_PLAN_FROM_H

#include <jansson.h>

#include "tools/prepare/thread_spec.h"

/* Adds all but main. `report` must outlive the list. 0, -ERANGE (too many), -ENOMEM. */
int plan_from_report(struct thread_list *list, const json_t *report);
/*
 * The whole list of a dry run: main, the declarations, and the threads of `seen` (or NULL), which `from` named. Says
 * what is wrong. EXIT_OK or EXIT_BAD_INPUT.
 */
int plan_from_words(struct thread_list *ret_list, const struct process_facts *process, const char *verb,
                    const char *const *specs, size_t spec_count, const json_t *seen, const char *from);
/* The process that the report is about, for [target] and main's name; `report` must outlive it. */
struct process_facts plan_from_process(const json_t *report);

#endif
