/*
 * report_measures: the numbers of a report by name, for comparing runs and for monitoring.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_MEASURES_H
#define NODEWISE_TOOLS_REPORT_REPORT_MEASURES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct measure {
    const char *name;
    bool is_ratio; /* 0 to 1, shown and compared in percent */
    bool known;
    double value;
};

#define MEASURES 14u

/* All of them, in an order that does not change. */
void report_measure(const json_t *report, struct measure ret_measures[MEASURES]);

#endif
