/*
 * report_arenas: the allocator's part of the report: what each rule's threads allocated in each node's region, and on
 * which node the pages of a region really are.
 *
 * The second is read back from the kernel, for a live process: a bounded sample of each region with move_pages(2),
 * which only looks (nodes == NULL) and neither stops the program nor holds its memory map for long. It needs the rights
 * of ptrace(2) on the process; without them, or after its end, `sampled` is 0.
 *
 *   {"alloc_locality": 0..1 or null,
 *    "regions": [{"number", "node", "binding", "reason", "huge_pages", "huge_reason", "usable", "in_use", "idle",
 *                 "away", "heaps", "sampled", "on_node"}],
 *    "rules": [{"rule", "region", "node", "allocations", "bytes", "remote_frees", "overflows"}]}
 *
 * alloc_locality: the share of allocations that came from the region of the node whose CPU ran the thread, each region
 * weighted with the share of its sampled pages that are on that node. Overflows count as not local. null: nothing
 * was allocated, or no region is bound to a node.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_ARENAS_H
#define NODEWISE_TOOLS_REPORT_REPORT_ARENAS_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

json_t *report_arenas(const struct snapshot *snapshot);

/* The tables of `show` and `report`; nothing when there are no arenas. */
void report_arenas_text(FILE *to, const json_t *report);

#endif
