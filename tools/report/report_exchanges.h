/*
 * report_exchanges: the exchanges of the C interface, their workers and what went between nodes: the part "exchanges" of a
 * report.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_EXCHANGES_H
#define NODEWISE_TOOLS_REPORT_REPORT_EXCHANGES_H

#include <stdio.h>

#include <jansson.h>

#include "tools/segment/snapshot.h"

/* The workers of an exchange on a node. */
struct exchange_work {
    uint32_t node, workers; /* workers: those that live; node: UINT32_MAX: not known */
    uint64_t channels;      /* that they have open */
    uint64_t slept, refused;
};

/*
 * Of one exchange, the nodes in the order of their first worker; `from` is where to go on, at first 0. false: there is no
 * further one. Its cost grows with the workers of all exchanges.
 */
bool exchange_work_next(const struct snapshot *snapshot, size_t exchange, size_t *from, struct exchange_work *ret);
/* Likewise its pairs of nodes. NULL: there is no further one. */
const struct segment_flow *exchange_flow_next(const struct snapshot *snapshot, size_t exchange, size_t *from);

json_t *report_exchanges(const struct snapshot *snapshot);
/* A table of workers and one of pairs of nodes; nothing where there are no exchanges. */
void report_exchanges_text(FILE *to, const json_t *report);

#endif
