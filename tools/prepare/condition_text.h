/* condition_text: a condition of a plan as a policy writes it. */
#ifndef NODEWISE_TOOLS_PREPARE_CONDITION_TEXT_H
#define NODEWISE_TOOLS_PREPARE_CONDITION_TEXT_H

#include "policy/plan.h"

/* `thread = ["io_*", "net"]`, `index = "1-4,7"`, `main = true`; malloc'd, NULL without memory. */
char *condition_text(const struct plan_view *plan, const struct plan_condition *condition);

#endif
