/* report_values: values that several parts of the report write alike. New references; NULL without memory. */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_VALUES_H
#define NODEWISE_TOOLS_REPORT_REPORT_VALUES_H

#include <jansson.h>

#include "tools/segment/snapshot.h"

/* Frees the text; NULL counts as "". */
json_t *report_owned_text(char *text);
/* "io"; "(base)" where no rule applies (index 0xffff); "rule 3" where the plan is gone. */
json_t *report_rule_name(const struct snapshot *snapshot, uint16_t rule);
/* The memory policy that was read back for the thread, "preferred:0"; null: none was set. */
json_t *report_memory_policy(const struct segment_thread *thread);
/* "placed", … of an enum segment_event_kind; "?" of another number. */
const char *report_event_word(unsigned kind);

#endif
