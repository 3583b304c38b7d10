/*
 * report: what nw_report() writes. A part of the library that stands above this one adds its section when it first opens
 * something.
 */
#ifndef NODEWISE_SHIM_API_REPORT_H
#define NODEWISE_SHIM_API_REPORT_H

#include <stdio.h>

/* name: the member's, static text. write: the value of that member, as JSON. Any thread; the same name counts once. */
void report_add_section(const char *name, void (*write)(FILE *to));

#endif
