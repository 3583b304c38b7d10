/*
 * report_json: a snapshot as the JSON document that every view starts from ("nodewise_report": 3). The text
 * views print this document, so a report file tells the same as the live process.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_JSON_H
#define NODEWISE_TOOLS_REPORT_REPORT_JSON_H

#include <jansson.h>

#include "tools/segment/snapshot.h"

#define REPORT_VERSION 3

/* The caller owns the value; NULL without memory. */
json_t *report_json(const struct snapshot *snapshot);

#endif
