/* report_mappings: what each mapping rule, a table of memory.regions, was for: the part "mappings" of a report. */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_MAPPINGS_H
#define NODEWISE_TOOLS_REPORT_REPORT_MAPPINGS_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

/* An array, one object a mapping rule, in the order of the rules and of their tables. New reference. */
json_t *report_mappings(const struct snapshot *snapshot);
/* The same as a table; nothing where the policy has no mapping rules. */
void report_mappings_text(FILE *to, const json_t *report);

#endif
