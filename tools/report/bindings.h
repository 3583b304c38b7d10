/*
 * bindings: what a process of a job has, in a line on stderr (`run --report-bindings`). The line goes out in one write(2),
 * so that those of many ranks do not mix. What it says was read from the kernel after the process was placed.
 */
#ifndef NODEWISE_TOOLS_REPORT_BINDINGS_H
#define NODEWISE_TOOLS_REPORT_BINDINGS_H

#include "policy/plan.h"
#include "tools/segment/snapshot.h"

/* Of a process that the library governs, which waits for it at its start: the library asks for this. */
void bindings_of_snapshot(const struct snapshot *snapshot);
/* Of this process, which becomes a program that the library does not get into. plan: NULL where there is none; program: its path. */
void bindings_of_own(const struct plan_view *plan, const char *program);

#endif
