#include "tools/measure/document.h"

#include <math.h>
#include <stdlib.h>

#include "config/json_text.h"
#include "tools/common/json_fields.h"

#define VERSION 1

static json_t *set_json(const struct cpuset *set)
{
    char *text = cpuset_to_string(set);
    json_t *value = json_string(text ? text : "");
    free(text);
    return value;
}

static json_t *lack_json(const struct lack *lack)
{
    return *lack->why ? json_string(lack->why) : json_null();
}

static json_t *nodes_json(const struct matrix *matrix)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < matrix->sites.count; i++) {
        const struct site *site = &matrix->sites.items[i];
        json_array_append_new(nodes, json_pack("{s:i, s:o, s:o, s:o, s:I, s:I, s:I}", "id", (int)site->node, "cores",
                                               set_json(&site->cores), "no_cpus", lack_json(&site->cpus), "no_memory",
                                               lack_json(&site->memory), "cache_bytes", (json_int_t)site->cache_bytes,
                                               "buffer_bytes", (json_int_t)site->buffer_bytes, "huge_bytes",
                                               (json_int_t)matrix->huge_bytes[i]));
    }
    return nodes;
}

/* Of that unit, in tenths: more digits than a measurement has. */
static json_t *tenths(double value)
{
    return json_real(round(10 * value) / 10);
}

static json_t *cell_json(const struct cell *cell, unsigned from, unsigned to)
{
    json_t *object = json_pack("{s:i, s:i}", "from", (int)from, "to", (int)to);
    if (cell->samples.count == 0) {
        json_object_set_new(object, "reason", json_string(cell->lack.why));
        return object;
    }
    json_t *values = json_array();
    for (size_t i = 0; i < cell->samples.count; i++)
        json_array_append_new(values, tenths(cell->samples.values[i]));
    json_object_set_new(object, "median", tenths(samples_median(&cell->samples)));
    json_object_set_new(object, "spread", tenths(samples_spread(&cell->samples)));
    json_object_set_new(object, "samples", values);
    return object;
}

static json_t *cells_json(const struct matrix *matrix, const struct cell *cells, const char *unit)
{
    size_t n = matrix->sites.count;
    json_t *pairs = json_array();
    for (size_t i = 0; i < n * n; i++)
        json_array_append_new(pairs,
                              cell_json(&cells[i], matrix->sites.items[i / n].node, matrix->sites.items[i % n].node));
    return json_pack("{s:s, s:o}", "unit", unit, "pairs", pairs);
}

static json_t *distances_json(const uint32_t *distances, size_t n)
{
    json_t *rows = json_array();
    if (!distances) {
        json_decref(rows);
        return json_null();
    }
    for (size_t a = 0; a < n; a++) {
        json_t *row = json_array();
        for (size_t b = 0; b < n; b++)
            json_array_append_new(row, json_integer(distances[a * n + b]));
        json_array_append_new(rows, row);
    }
    return rows;
}

json_t *measure_document(const struct matrix *matrix, const uint32_t *distances, const char *saved)
{
    return json_pack(
        "{s:i, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "nodewise_measured", VERSION, "measured",
        matrix->when, "seconds", tenths(matrix->seconds), "budget_seconds", tenths(matrix->budget), "model",
        json_any_text(matrix->topology->cpu_model), "wanted_buffer_bytes", (json_int_t)matrix->sites.wanted_bytes,
        "nodes", nodes_json(matrix), "latency", cells_json(matrix, matrix->latency, "ns"), "bandwidth",
        cells_json(matrix, matrix->bandwidth, "bytes/s"), "distances", distances_json(distances, matrix->sites.count),
        "saved", saved ? json_any_text(saved) : json_null());
}

bool is_measure_document(const json_t *document)
{
    return number_of(document, "nodewise_measured") == VERSION;
}
