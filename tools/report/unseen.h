/* unseen: threads that the process has and that nodewise does not know: the part "unseen" of a report. */
#ifndef NODEWISE_TOOLS_REPORT_UNSEEN_H
#define NODEWISE_TOOLS_REPORT_UNSEEN_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

/*
 * An array of {"tid", "name"}; empty where the process is gone, or has so many threads that not all are listed. Threads
 * that are being made or ending at this moment may be among them. New reference.
 */
json_t *unseen_threads(const struct snapshot *snapshot);
/* A line, when there are any. */
void unseen_text(FILE *to, const json_t *report);

#endif
