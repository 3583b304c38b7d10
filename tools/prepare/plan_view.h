/*
 * plan_view: a plan for people and for programs: its rules with what they ask and where their slots are, and
 * the threads of a dry run. `plan`, `run --dry-run` and the golden tests print through it.
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_VIEW_H
#define NODEWISE_TOOLS_PREPARE_PLAN_VIEW_H

#include <stdio.h>

#include <jansson.h>

#include "policy/plan.h"
#include "tools/prepare/thread_spec.h"

/* "0-3,8" of a mask; malloc'd, NULL without memory. */
char *plan_mask_text(const struct plan_view *plan, uint32_t mask);
/* "bind 0-1", "local", "default"; malloc'd. */
char *plan_memory_text(const struct plan_view *plan, const struct plan_rule *rule, uint32_t slot);
/* The same of a main thread that no rule takes: what all rules share, else "default". */
char *plan_main_memory_text(const struct plan_view *plan);
/* The node(s) of a mask as a list, "0-1"; malloc'd. */
char *plan_nodes_of(const struct plan_view *plan, const struct cpuset *cpus);

void plan_print_rules(FILE *to, const struct plan_view *plan);
void plan_print_threads(FILE *to, const struct plan_view *plan, const struct thread_list *list);

json_t *plan_rules_json(const struct plan_view *plan);
/* What a main thread has that no rule takes, and why its memory policy is that; null: a rule names main. */
json_t *plan_main_json(const struct plan_view *plan);
json_t *plan_threads_json(const struct plan_view *plan, const struct thread_list *list);

#endif
