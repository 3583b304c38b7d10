#include "tools/picture/flows.h"

#include <stdio.h>
#include <string.h>

#include "tools/common/json_fields.h"

static long long node_of(const json_t *flow, const char *key)
{
    const json_t *node = json_object_get(flow, key);
    return json_is_integer(node) && json_integer_value(node) >= 0 ? (long long)json_integer_value(node) : FLOWS_UNKNOWN;
}

static void add_node(struct flows *matrix, long long node)
{
    size_t at = 0;
    while (at < matrix->count && matrix->nodes[at] < node)
        at++;
    if (at < matrix->count && matrix->nodes[at] == node)
        return;
    if (matrix->count == FLOWS_NODES) {
        matrix->is_cut = true;
        return;
    }
    memmove(&matrix->nodes[at + 1], &matrix->nodes[at], (matrix->count - at) * sizeof(matrix->nodes[0]));
    matrix->nodes[at] = node;
    matrix->count++;
}

/* FLOWS_NODES: it has none. */
static size_t index_of(const struct flows *matrix, long long node)
{
    for (size_t i = 0; i < matrix->count; i++)
        if (matrix->nodes[i] == node)
            return i;
    return FLOWS_NODES;
}

static void add_flow(struct flows *matrix, const json_t *flow)
{
    size_t from = index_of(matrix, node_of(flow, "from")), to = index_of(matrix, node_of(flow, "to"));
    long long bytes = number_of(flow, "bytes");
    if (from == FLOWS_NODES || to == FLOWS_NODES || bytes <= 0)
        return;
    matrix->bytes[from][to] = bytes;
    matrix->most = bytes > matrix->most ? bytes : matrix->most;
}

bool flows_make(struct flows *ret_matrix, const json_t *exchange)
{
    const json_t *flows = json_object_get(exchange, "flows");
    size_t index;
    json_t *flow;
    *ret_matrix = (struct flows){.name = text_of(exchange, "exchange")};
    json_array_foreach(flows, index, flow) {
        add_node(ret_matrix, node_of(flow, "from"));
        add_node(ret_matrix, node_of(flow, "to"));
    }
    json_array_foreach(flows, index, flow)
        add_flow(ret_matrix, flow);
    return ret_matrix->most > 0;
}

void flows_title(const struct flows *matrix, char *ret_title, size_t size)
{
    snprintf(ret_title, size, "exchange %.60s: bytes, from rows to columns%s", matrix->name,
             matrix->is_cut ? "; further nodes are left out" : "");
}

void flows_node_word(long long node, char ret_word[24])
{
    if (node == FLOWS_UNKNOWN)
        snprintf(ret_word, 24, "no node");
    else
        snprintf(ret_word, 24, "node %lld", node);
}
