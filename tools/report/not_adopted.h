/* not_adopted: threads of the process that the library has no record of: the part "not_adopted" of a report. */
#ifndef NODEWISE_TOOLS_REPORT_NOT_ADOPTED_H
#define NODEWISE_TOOLS_REPORT_NOT_ADOPTED_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

/*
 * An array of {"tid", "name"}; empty where the process is gone, or has so many threads that not all are listed. Threads
 * that are being made or ending at this moment may be among them. New reference.
 */
json_t *not_adopted_threads(const struct snapshot *snapshot);
/* A line, when there are any. */
void not_adopted_text(FILE *to, const json_t *report);

#endif
