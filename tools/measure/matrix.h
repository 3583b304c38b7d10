/*
 * matrix: what is measured between the CPUs of each node and the memory of each node. Each cell has samples, or the
 * reason why it has none.
 */
#ifndef NODEWISE_TOOLS_MEASURE_MATRIX_H
#define NODEWISE_TOOLS_MEASURE_MATRIX_H

#include <stdbool.h>

#include "tools/measure/sites.h"
#include "tools/tune/statistics.h"

struct cell {
    struct samples samples;
    struct lack lack; /* where there are no samples */
};

struct matrix {
    const struct topology *topology;
    struct sites sites;
    struct cell *latency;   /* ns; sites.count x sites.count: rows of CPUs, columns of memory */
    struct cell *bandwidth; /* bytes a second */
    uint64_t *huge_bytes;   /* of the buffer of each node */
    char when[TOPOLOGY_TIME];
    double seconds; /* that it took */
    double budget;  /* seconds that it may take */
    bool all;       /* bandwidth of all pairs, however many */
};

#define BANDWIDTH_NODES 8u /* with more nodes, bandwidth is measured to the own, the nearest and the farthest memory */

/*
 * Measures; says on stderr what it does. budget and all are the caller's. 0; -ELIBACC: libnuma is not here; -ENOSYS: the
 * kernel knows no nodes; or another negative errno. Free it in any case.
 */
int matrix_measure(struct matrix *matrix, const struct topology *topology);
void matrix_free(struct matrix *matrix);

/* Has any pair a number? */
bool matrix_has_samples(const struct matrix *matrix);

/*
 * Distances as of tools/measure/distances.h, malloc'd. 0; -ENODATA: they cannot be had, because a pair is missing that
 * this machine has (a cpuset, too little memory, the budget); -ENOMEM.
 */
int matrix_distances(uint32_t **ret_distances, const struct matrix *matrix);

/* Where bandwidth from the CPUs of one node is measured to: its own memory, the nearest and the farthest of others. */
void matrix_choose(const struct matrix *matrix, size_t from, bool *ret_chosen);

#endif
