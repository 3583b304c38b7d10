/*
 * triad: what the cores of a node read and write of a memory in a second: a[i] = b[i] + s * c[i], as STREAM has it, each
 * core its own part of the three arrays.
 */
#ifndef NODEWISE_TOOLS_MEASURE_TRIAD_H
#define NODEWISE_TOOLS_MEASURE_TRIAD_H

#include <stddef.h>

#include "policy/cpuset.h"
#include "tools/tune/statistics.h"

#define TRIAD_CORES_MOST 4096u

/*
 * A thread on each of the CPUs; `rounds` passes over `size` bytes of memory, after one that does not count. Adds to the
 * samples, in bytes a second: each element of the arrays is counted as 24 bytes, two reads and a write. 0; -EINVAL: a thread
 * does not get its CPU; or another negative errno: then there are no samples.
 */
int triad_run(struct samples *samples, const struct cpuset *cpus, void *memory, size_t size, unsigned rounds);

#endif
