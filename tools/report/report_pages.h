/*
 * report_pages: on which nodes a running process's memory lies, kind by kind: the part "pages" of a report, on request.
 *
 * A sample, evenly over everything that is mapped readable, PAGES_SAMPLED pages in all, asked with move_pages(2) in
 * batches (numa_maps would hold the process's memory lock for about 10 ms a GiB). What is told in bytes is estimated
 * from it. Nothing is read of the memory itself.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_PAGES_H
#define NODEWISE_TOOLS_REPORT_REPORT_PAGES_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

#define PAGES_SAMPLED 32768u

/*
 * {"sampled", "home_locality", "kinds": [{"kind", "mapped", "resident", "nodes": {"0": bytes}}]}, new reference; NULL
 * with *ret_error (negative errno) when the process cannot be looked at. home_locality is of the arenas: pages on their
 * region's node, or moved to their users by us, of those that are resident; null where there are none.
 */
json_t *report_pages(const struct snapshot *snapshot, int *ret_error);
void report_pages_text(FILE *to, const json_t *report);

#endif
