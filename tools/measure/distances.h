/* distances: what latencies say about the distances of nodes, in the measure of firmware's tables (ACPI SLIT). Pure. */
#ifndef NODEWISE_TOOLS_MEASURE_DISTANCES_H
#define NODEWISE_TOOLS_MEASURE_DISTANCES_H

#include <stddef.h>
#include <stdint.h>

struct measured_latency {
    double median, spread; /* ns; spread: between the quartiles. median 0: not measured */
};

/*
 * From `count` x `count` latencies, rows of CPUs and columns of memory, distances as of policy/measured.h: 10 times the
 * latency by the middle one of the nodes' own. Latencies that differ by less than 4 %, or than their spread, from their
 * neighbours in size are one: noise shall not make a node nearer. Where a node has no CPUs or no memory the way back counts.
 * 0; -ENODATA: no node's own latency is known; -ENOMEM.
 */
int distances_of_latencies(uint32_t *ret_distances, const struct measured_latency *latencies, size_t count);

#endif
