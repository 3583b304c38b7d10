/*
 * report_verdict: what a report comes to: one word, the localities by their names, and hints that name the key to change.
 * Where accesses were sampled, the hints go by them. A part of the document ("verdict", "localities", "hints"), from which each view prints it.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_VERDICT_H
#define NODEWISE_TOOLS_REPORT_REPORT_VERDICT_H

#include <stdio.h>

#include <jansson.h>

/* Adds the three, or makes them anew; `report` has rules, threads, arenas, accesses and perhaps pages. */
void report_judge(json_t *report);

void report_verdict_text(FILE *to, const json_t *report);

#endif
