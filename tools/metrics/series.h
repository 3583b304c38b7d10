/*
 * series: all processes' telemetry as monitoring systems read it: Prometheus' text format 0.0.4 and OpenMetrics 1.0
 * (prometheus.io/docs/instrumenting/exposition_formats, openmetrics.io). Reads segments alone: the programs do not
 * notice.
 *
 * Labels are bounded: process, rule, node, step; a thread each only where the policy says [metrics] per_thread.
 */
#ifndef NODEWISE_TOOLS_METRICS_SERIES_H
#define NODEWISE_TOOLS_METRICS_SERIES_H

#include <stdbool.h>
#include <stdio.h>

#define SERIES_PROCESSES 1024u /* of one user; further ones are counted and left out */

/* What Content-Type has to say. */
extern const char series_type_prometheus[], series_type_openmetrics[];

/* 0 or -ENOMEM. */
int series_write(FILE *to, bool openmetrics);

#endif
