/*
 * line: a sample of a family: its name, labels and value. What labels hold may come from any process; it is spelt out as
 * the format wants it.
 */
#ifndef NODEWISE_TOOLS_METRICS_LINE_H
#define NODEWISE_TOOLS_METRICS_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tools/segment/snapshot.h"

struct line {
    FILE *to;
    off_t end; /* of what its process may write of this family */
    const char *family;
    const char *suffix; /* "_total", "_info" or "" */
    const struct snapshot *process;
};

/* Up to the point where a sample's own labels stand. false: the process has written enough, and nothing is. */
bool line_begin(const struct line *line);
void line_label(FILE *to, const char *name, const char *value);
void line_label_rule(const struct line *line, uint32_t rule);
/* UINT32_MAX: "any". */
void line_label_place(const struct line *line, const char *name, uint32_t node);
void line_label_node(const struct line *line, uint32_t node);
void line_end(const struct line *line, uint64_t value);
void line_end_share(const struct line *line, double share);
/* All of it, without labels of its own. */
void line_simple(const struct line *line, uint64_t value);

#endif
