/* left_out: what of a policy only the preloaded library does, for processes that are governed from outside. */
#ifndef NODEWISE_TOOLS_PREPARE_LEFT_OUT_H
#define NODEWISE_TOOLS_PREPARE_LEFT_OUT_H

#include <stdio.h>

#include <jansson.h>

#include "policy/plan.h"

/* An array of texts, empty where nothing is left out. New reference. */
json_t *left_out_json(const struct plan_view *plan);
/* The same as one text: "arenas, stacks". */
void left_out_text(FILE *to, const json_t *left_out);

#endif
