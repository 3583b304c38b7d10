/*
 * report_write: a report in one of its formats, to a stream or a file. The only place that knows the formats.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_WRITE_H
#define NODEWISE_TOOLS_REPORT_REPORT_WRITE_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/words.h"
#include "tools/report/report_text.h"

/* The format that a file's name says: .json, .html, .svg, .prom; text otherwise. */
enum report_format format_of_name(const char *path);

/* EXIT_OK, or EXIT_NO after having said why. `depth` is of the text. */
int report_write(FILE *to, const json_t *report, enum report_format format, enum report_depth depth);
/*
 * The file is the user's own or a new one, whatever others put into the folder or on the way there
 * (shim/base/own_file.h).
 */
int report_write_file(const char *path, const json_t *report, enum report_format format, enum report_depth depth);
/*
 * Several formats (bits of enum report_format; none: what the name says), a file each: the one that the name says at
 * `path`, the others beside it with their own endings ("x.json", "x.json.html").
 */
int report_write_formats(const char *path, const json_t *report, uint32_t formats, enum report_depth depth);

#endif
