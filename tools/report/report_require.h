/*
 * report_require: is a report as local as was required (`run --require-locality`). Pure.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_REQUIRE_H
#define NODEWISE_TOOLS_REPORT_REPORT_REQUIRE_H

#include <jansson.h>
#include <stddef.h>

enum required { REQUIRED_HELD, REQUIRED_MISSED, REQUIRED_NOT_MEASURED };

/*
 * By access_locality alone: where memory was made says nothing about who uses it. ret_text: one line about what was
 * found, "" where the requirement holds and there is nothing to say. With fewer than ACCESS_SAMPLES_LEAST samples
 * nothing is measured, but a machine with one node needs none.
 */
enum required report_require(const json_t *report, double percent, char *ret_text, size_t size);

#endif
