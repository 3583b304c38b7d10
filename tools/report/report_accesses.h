/*
 * report_accesses: where the program's memory accesses went, from those that the library sampled (shim/memory/seen.h):
 * the part "accesses" of a report.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_ACCESSES_H
#define NODEWISE_TOOLS_REPORT_REPORT_ACCESSES_H

#include <jansson.h>
#include <stdio.h>

#include "tools/segment/snapshot.h"

/* Fewer samples are shown, but `--require-locality` does not judge by them. */
#define ACCESS_SAMPLES_LEAST 100

/*
 * New reference: {"samples", "local", "remote", "unknown", "windows", "sampled_ms", "access_locality", "low", "high",
 * "balance", "busiest", "nodes": {"0": share}, "reason"}. access_locality: share of the accesses that found their page on
 * the node of the thread's CPU, low and high the ends of its 95 % interval; balance: share of the accesses that the node
 * "busiest" serves. They are null where nothing was measured, and "reason" says why in words; it is "" otherwise.
 */
json_t *report_accesses(const struct snapshot *snapshot);

/* "of 4120 samples; 95 %: 23.8 to 26.5 %", or why it is not known, of a report's "accesses". */
void accesses_note(const json_t *accesses, char *ret_text, size_t size);
/* "of the sampled accesses are served by node 0", or "". */
void balance_note(const json_t *accesses, char *ret_text, size_t size);
/* The two lines of `show` and `report`; nothing where nothing was sampled. */
void report_accesses_text(FILE *to, const json_t *report);

#endif
