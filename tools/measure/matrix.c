#include "tools/measure/matrix.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/common/affinity.h"
#include "tools/common/numa_library.h"
#include "tools/common/progress.h"
#include "tools/measure/buffer.h"
#include "tools/measure/chase.h"
#include "tools/measure/clock.h"
#include "tools/measure/distances.h"
#include "tools/measure/triad.h"

/*
 * Memory node by memory node, because a buffer takes long to make; in rounds over the nodes of CPUs, so that a
 * disturbance costs each of them a sample rather than one of them all. Latencies of all pairs come before any bandwidth:
 * distances need them.
 */

#define LATENCY_ROUNDS   7u
#define BANDWIDTH_ROUNDS 5u
#define HOPS             20000u /* of a walk, about 2 ms: long against a clock's reading, short for 4,096 pairs */
#define WARM_HOPS        2000u  /* after a thread has moved */

struct work {
    struct matrix *matrix;
    const struct numa_library *numa;
    double end; /* of the budget */
    struct cpuset before;
};

static const struct numa_library *numa_of_nodes;

static int64_t free_of(unsigned node)
{
    long long free_bytes = 0;
    return numa_of_nodes->node_size64((int)node, &free_bytes) < 0 ? -1 : free_bytes;
}

static bool is_over(const struct work *work)
{
    return seconds_now() >= work->end;
}

static void set_lack(struct cell *cell, bool lasting, const char *why)
{
    if (cell->samples.count || *cell->lack.why)
        return;
    cell->lack.is_lasting = lasting;
    snprintf(cell->lack.why, sizeof(cell->lack.why), "%s", why);
}

static struct cell *cell_at(const struct matrix *matrix, struct cell *cells, size_t from, size_t to)
{
    return &cells[from * matrix->sites.count + to];
}

/* --- latency --- */

/* On the first core of the node, and nowhere else. */
static int go_to(const struct site *site)
{
    struct cpuset only = CPUSET_EMPTY;
    int cpu = cpuset_first(&site->cores), error = cpuset_add(&only, (unsigned)cpu);
    if (error == 0)
        error = affinity_set(0, &only);
    cpuset_free(&only);
    return error == 0 && sched_getcpu() != cpu ? -EINVAL : error;
}

static void walk_from(struct work *work, size_t from, size_t to, struct chase_line **at)
{
    struct cell *cell = cell_at(work->matrix, work->matrix->latency, from, to);
    int error = go_to(&work->matrix->sites.items[from]);
    if (error < 0) {
        set_lack(cell, false, "its CPU is not given");
        return;
    }
    chase_walk(at, WARM_HOPS);
    samples_add(&cell->samples, chase_walk(at, HOPS));
}

static void walk_from_all(struct work *work, size_t to, const struct buffer *buffer)
{
    const struct sites *sites = &work->matrix->sites;
    struct chase_line *at = buffer->memory;
    chase_link(at, buffer->size / sizeof(*at), sites->items[to].node + 1);
    for (unsigned round = 0; round < LATENCY_ROUNDS && !is_over(work); round++)
        for (size_t from = 0; from < sites->count; from++)
            if (!*sites->items[from].cpus.why)
                walk_from(work, from, to, &at);
}

/* --- bandwidth --- */

static void stream_from(struct work *work, size_t from, size_t to, const struct buffer *buffer)
{
    struct cell *cell = cell_at(work->matrix, work->matrix->bandwidth, from, to);
    int error = triad_run(&cell->samples, &work->matrix->sites.items[from].cores, buffer->memory, buffer->size,
                          BANDWIDTH_ROUNDS);
    if (error < 0)
        set_lack(cell, false, error == -EINVAL ? "a thread did not get its CPU" : "no threads can be made");
}

/* The nearest and the farthest by median; SIZE_MAX: there are none. */
static void find_ends(const struct matrix *matrix, size_t from, size_t *ret_nearest, size_t *ret_farthest)
{
    double least = 0, most = 0;
    *ret_nearest = *ret_farthest = SIZE_MAX;
    for (size_t to = 0; to < matrix->sites.count; to++) {
        double latency = samples_median(&cell_at(matrix, matrix->latency, from, to)->samples);
        if (to == from || latency <= 0)
            continue;
        if (*ret_nearest == SIZE_MAX || latency < least) {
            least = latency;
            *ret_nearest = to;
        }
        if (latency > most) {
            most = latency;
            *ret_farthest = to;
        }
    }
}

void matrix_choose(const struct matrix *matrix, size_t from, bool *ret_chosen)
{
    size_t count = matrix->sites.count, nearest, farthest;
    find_ends(matrix, from, &nearest, &farthest);
    for (size_t to = 0; to < count; to++)
        ret_chosen[to] = matrix->all || count <= BANDWIDTH_NODES || to == from || to == nearest || to == farthest;
}

/* *cell is told why it is left out, where it is. */
static bool is_chosen(const struct work *work, size_t from, size_t to, bool *chosen)
{
    matrix_choose(work->matrix, from, chosen);
    if (!chosen[to])
        set_lack(cell_at(work->matrix, work->matrix->bandwidth, from, to), false, "left out: --all measures it, too");
    return chosen[to];
}

static void stream_from_all(struct work *work, size_t to, const struct buffer *buffer)
{
    const struct sites *sites = &work->matrix->sites;
    bool *chosen = calloc(sites->count, sizeof(*chosen));
    for (size_t from = 0; from < sites->count && chosen && !is_over(work); from++)
        if (!*sites->items[from].cpus.why && is_chosen(work, from, to, chosen))
            stream_from(work, from, to, buffer);
    free(chosen);
}

/* --- both --- */

enum what { WHAT_LATENCY, WHAT_BANDWIDTH };

static void lack_of_column(const struct work *work, struct cell *cells, size_t to, bool lasting, const char *why)
{
    for (size_t from = 0; from < work->matrix->sites.count; from++)
        set_lack(cell_at(work->matrix, cells, from, to), lasting, why);
}

static void measure_memory(struct work *work, enum what what, size_t to)
{
    struct matrix *matrix = work->matrix;
    struct site *site = &matrix->sites.items[to];
    struct cell *cells = what == WHAT_LATENCY ? matrix->latency : matrix->bandwidth;
    struct buffer buffer = {0};
    char why[WHY_SIZE];
    if (*site->memory.why || is_over(work))
        return;
    progress_now("%s of the memory of node %u (%zu of %zu)", what == WHAT_LATENCY ? "latency" : "bandwidth", site->node,
                 to + 1, matrix->sites.count);
    if (buffer_make(&buffer, work->numa, site->node, site->buffer_bytes, why) < 0) {
        lack_of_column(work, cells, to, false, why);
        return;
    }
    matrix->huge_bytes[to] = buffer.huge_bytes;
    if (what == WHAT_LATENCY)
        walk_from_all(work, to, &buffer);
    else
        stream_from_all(work, to, &buffer);
    buffer_free(&buffer);
    affinity_set(0, &work->before); /* the next buffer is made by any CPU */
}

/* Each cell without samples gets the reason that counts most: the machine's, then this process's, then the budget's. */
static void tell_lacks(const struct work *work, struct cell *cells)
{
    const struct sites *sites = &work->matrix->sites;
    for (size_t to = 0; to < sites->count; to++)
        for (size_t from = 0; from < sites->count; from++) {
            const struct lack *cpus = &sites->items[from].cpus, *memory = &sites->items[to].memory;
            const struct lack *lack = *cpus->why && (cpus->is_lasting || !*memory->why) ? cpus : memory;
            struct cell *cell = cell_at(work->matrix, cells, from, to);
            if (*lack->why)
                set_lack(cell, lack->is_lasting, lack->why);
            set_lack(cell, false, "the budget had ended");
        }
}

static void measure_all(struct work *work)
{
    struct matrix *matrix = work->matrix;
    double begin = seconds_now();
    time_t now = time(NULL);
    struct tm utc;
    strftime(matrix->when, sizeof(matrix->when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    work->end = begin + matrix->budget;
    progress_note("topo", "nodes: %zu; after %.10g s (--budget) nothing more is begun", matrix->sites.count,
                  matrix->budget);
    for (enum what what = WHAT_LATENCY; what <= WHAT_BANDWIDTH; what++)
        for (size_t to = 0; to < matrix->sites.count; to++)
            measure_memory(work, what, to);
    tell_lacks(work, matrix->latency);
    tell_lacks(work, matrix->bandwidth);
    progress_end();
    matrix->seconds = seconds_now() - begin;
}

int matrix_measure(struct matrix *matrix, const struct topology *topology)
{
    struct work work = {.matrix = matrix};
    size_t n = topology->node_count;
    int error = numa_library_load(&work.numa);
    if (error == 0 && work.numa->available() < 0)
        error = -ENOSYS;
    numa_of_nodes = work.numa;
    matrix->topology = topology;
    if (error == 0)
        error = sites_make(&matrix->sites, topology, free_of);
    if (error < 0)
        return error;
    matrix->latency = calloc(n * n + 1, sizeof(*matrix->latency));
    matrix->bandwidth = calloc(n * n + 1, sizeof(*matrix->bandwidth));
    matrix->huge_bytes = calloc(n + 1, sizeof(*matrix->huge_bytes));
    error = matrix->latency && matrix->bandwidth && matrix->huge_bytes ? affinity_get(0, &work.before) : -ENOMEM;
    if (error == 0)
        measure_all(&work);
    cpuset_free(&work.before);
    return error;
}

void matrix_free(struct matrix *matrix)
{
    sites_free(&matrix->sites);
    free(matrix->latency);
    free(matrix->bandwidth);
    free(matrix->huge_bytes);
}

bool matrix_has_samples(const struct matrix *matrix)
{
    for (size_t i = 0; i < matrix->sites.count * matrix->sites.count; i++)
        if (matrix->latency[i].samples.count || matrix->bandwidth[i].samples.count)
            return true;
    return false;
}

/* --- distances --- */

int matrix_distances(uint32_t **ret_distances, const struct matrix *matrix)
{
    size_t n = matrix->sites.count;
    struct measured_latency *latencies = calloc(n * n + 1, sizeof(*latencies));
    uint32_t *distances = calloc(n * n + 1, sizeof(*distances));
    int error = latencies && distances ? 0 : -ENOMEM;
    for (size_t i = 0; i < n * n && error == 0; i++) {
        const struct cell *cell = &matrix->latency[i];
        latencies[i].median = samples_median(&cell->samples);
        latencies[i].spread = samples_spread(&cell->samples);
        if (cell->samples.count == 0 && !cell->lack.is_lasting)
            error = -ENODATA;
    }
    if (error == 0)
        error = distances_of_latencies(distances, latencies, n);
    free(latencies);
    if (error < 0)
        free(distances);
    else
        *ret_distances = distances;
    return error;
}
