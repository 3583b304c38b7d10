#include "tools/measure/heat.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/common/json_fields.h"

#define ALIKE 1.04 /* tools/measure/distances.h has the same */

/* --- from a document --- */

static double real_of(const json_t *object, const char *key)
{
    double value = json_number_value(json_object_get(object, key));
    return isfinite(value) && value > 0 && value < 1e15 ? value : 0;
}

static size_t index_of(const struct heat *heat, const json_t *pair, const char *key)
{
    const json_t *id = json_object_get(pair, key);
    for (size_t i = 0; json_is_integer(id) && i < heat->count; i++)
        if (heat->nodes[i] == json_integer_value(id))
            return i;
    return heat->count;
}

static void take_pair(struct heat *heat, const json_t *pair)
{
    size_t from = index_of(heat, pair, "from"), to = index_of(heat, pair, "to");
    if (from == heat->count || to == heat->count)
        return;
    struct heat_value value = {real_of(pair, "median"), real_of(pair, "spread"), text_of(pair, "reason")};
    heat->values[from * heat->count + to] = value;
    if (value.median <= 0)
        return;
    heat->least = heat->least > 0 ? fmin(heat->least, value.median) : value.median;
    heat->most = fmax(heat->most, value.median);
}

int heat_make(struct heat *ret_heat, const json_t *document, enum heat_kind kind)
{
    const json_t *nodes = json_object_get(document, "nodes"), *node, *pair;
    const json_t *matrix = json_object_get(document, kind == HEAT_LATENCY ? "latency" : "bandwidth");
    struct heat heat = {.kind = kind, .count = json_array_size(nodes)};
    size_t i;
    if (heat.count == 0 || heat.count > HEAT_NODES_MOST)
        return -ENODATA;
    heat.nodes = calloc(heat.count, sizeof(*heat.nodes));
    heat.values = calloc(heat.count * heat.count, sizeof(*heat.values));
    if (!heat.nodes || !heat.values) {
        heat_free(&heat);
        return -ENOMEM;
    }
    for (i = 0; i < heat.count * heat.count; i++)
        heat.values[i].reason = "";
    json_array_foreach(nodes, i, node)
        heat.nodes[i] = number_of(node, "id");
    json_array_foreach(json_object_get(matrix, "pairs"), i, pair)
        take_pair(&heat, pair);
    *ret_heat = heat;
    return 0;
}

void heat_free(struct heat *heat)
{
    free(heat->nodes);
    free(heat->values);
    *heat = (struct heat){0};
}

/* --- words --- */

unsigned heat_level(const struct heat *heat, const struct heat_value *value)
{
    if (value->median <= 0)
        return HEAT_LEVEL_NONE;
    if (heat->most <= ALIKE * heat->least)
        return 0;
    double part = (value->median - heat->least) / (heat->most - heat->least);
    double bad = heat->kind == HEAT_LATENCY ? part : 1 - part;
    return (unsigned)fmin(bad * HEAT_LEVELS, HEAT_LEVELS - 1);
}

char heat_mark(unsigned level)
{
    return ".:-+# "[level < HEAT_LEVEL_NONE ? level : HEAT_LEVEL_NONE];
}

void heat_word(const struct heat *heat, const struct heat_value *value, char ret_word[HEAT_WORD])
{
    double by = heat->kind == HEAT_LATENCY ? 1 : 1e9;
    if (value->median <= 0)
        snprintf(ret_word, HEAT_WORD, "-");
    else
        snprintf(ret_word, HEAT_WORD, "%.1f±%.1f", value->median / by, value->spread / 2 / by);
}

const char *heat_title(const struct heat *heat)
{
    return heat->kind == HEAT_LATENCY ? "latency of a load, in ns" : "bandwidth of all cores of a node, in GB/s";
}
