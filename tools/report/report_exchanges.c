#include "tools/report/report_exchanges.h"

#include <string.h>

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"

/* --- sums --- */

static bool is_first_of_node(const struct snapshot *snapshot, size_t index)
{
    const struct segment_peer *peer = &snapshot->peers[index];
    for (size_t i = 0; i < index; i++)
        if (snapshot->peers[i].exchange == peer->exchange && snapshot->peers[i].node == peer->node)
            return false;
    return true;
}

bool exchange_work_next(const struct snapshot *snapshot, size_t exchange, size_t *from, struct exchange_work *ret)
{
    while (*from < snapshot->peer_count &&
           (snapshot->peers[*from].exchange != exchange + 1 || !is_first_of_node(snapshot, *from)))
        ++*from;
    if (*from == snapshot->peer_count)
        return false;
    *ret = (struct exchange_work){.node = snapshot->peers[*from].node};
    for (size_t i = *from; i < snapshot->peer_count; i++) {
        const struct segment_peer *peer = &snapshot->peers[i];
        if (peer->exchange != exchange + 1 || peer->node != ret->node)
            continue;
        bool lives = peer->state == WORKER_LIVES;
        ret->workers += lives;
        ret->channels += lives ? peer->channels : 0;
        ret->slept += peer->slept;
        ret->refused += peer->refused;
    }
    ++*from;
    return true;
}

const struct segment_flow *exchange_flow_next(const struct snapshot *snapshot, size_t exchange, size_t *from)
{
    while (*from < snapshot->flow_count && snapshot->flows[*from].exchange != exchange + 1)
        ++*from;
    return *from < snapshot->flow_count ? &snapshot->flows[(*from)++] : NULL;
}

/* --- the part of the report --- */

/* null: it is not known. */
static json_t *node_json(uint32_t node)
{
    return node == UINT32_MAX ? json_null() : json_integer((json_int_t)node);
}

static json_t *work_json(const struct exchange_work *work)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I}", "node", node_json(work->node), "workers", (json_int_t)work->workers,
                     "channels", (json_int_t)work->channels, "slept", (json_int_t)work->slept, "refused",
                     (json_int_t)work->refused);
}

static json_t *flow_json(const struct segment_flow *flow)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "from", node_json(flow->from), "to", node_json(flow->to), "messages",
                     (json_int_t)flow->messages, "bytes", (json_int_t)flow->bytes, "queued", (json_int_t)flow->queued);
}

json_t *report_exchanges(const struct snapshot *snapshot)
{
    json_t *exchanges = json_array();
    for (size_t i = 0; i < snapshot->exchange_count; i++) {
        const struct segment_named *exchange = &snapshot->exchanges[i];
        json_t *nodes = json_array(), *flows = json_array();
        const struct segment_flow *flow;
        struct exchange_work work;
        for (size_t from = 0; exchange_work_next(snapshot, i, &from, &work);)
            json_array_append_new(nodes, work_json(&work));
        for (size_t from = 0; (flow = exchange_flow_next(snapshot, i, &from));)
            json_array_append_new(flows, flow_json(flow));
        json_array_append_new(exchanges,
                              json_pack("{s:o, s:I, s:I, s:o, s:o}", "exchange", json_any_text(exchange->name), "open",
                                        (json_int_t)exchange->open, "unlisted", (json_int_t)exchange->unlisted, "nodes",
                                        nodes, "flows", flows));
    }
    return exchanges;
}

/* --- as text --- */

enum { CELLS = 6 };

/* A row of the exchange's name and integers; null is no number. */
static void print_row(struct table *table, const json_t *exchange, const json_t *of, const char *const *keys)
{
    const char *row[CELLS] = {text_of(exchange, "exchange")};
    char cells[CELLS][24];
    for (size_t i = 0; i + 1 < CELLS; i++) {
        if (strcmp(keys[i], "bytes") == 0 || strcmp(keys[i], "queued") == 0)
            size_text((uint64_t)number_of(of, keys[i]), cells[i], sizeof(cells[i]));
        else if (json_is_integer(json_object_get(of, keys[i])))
            snprintf(cells[i], sizeof(cells[i]), "%lld", number_of(of, keys[i]));
        else
            snprintf(cells[i], sizeof(cells[i]), "-");
        row[i + 1] = cells[i];
    }
    table_row(table, row);
}

static void print_parts(FILE *to, const json_t *exchanges, const char *part, const char *const *keys,
                        const char *const *headings)
{
    struct table *table = table_new(headings, CELLS);
    size_t index, number;
    json_t *exchange, *of;
    json_array_foreach(exchanges, index, exchange)
        json_array_foreach(json_object_get(exchange, part), number, of)
            print_row(table, exchange, of, keys);
    table_print(to, table);
}

void report_exchanges_text(FILE *to, const json_t *report)
{
    static const char *const work_keys[] = {"node", "workers", "channels", "slept", "refused"};
    static const char *const work_headings[] = {"EXCHANGE", "NODE", "WORKERS", "CHANNELS", "SLEPT", "REFUSED"};
    static const char *const flow_keys[] = {"from", "to", "messages", "bytes", "queued"};
    static const char *const flow_headings[] = {"EXCHANGE", "FROM", "TO", "MESSAGES", "BYTES", "QUEUED"};
    const json_t *exchanges = json_object_get(report, "exchanges");
    if (json_array_size(exchanges) == 0)
        return;
    fputs("\nexchanges of the C interface: workers, and messages for which there was no room:\n", to);
    print_parts(to, exchanges, "nodes", work_keys, work_headings);
    fputs("\nwhat went from workers on a node to workers on another; queued: what these have not taken yet:\n", to);
    print_parts(to, exchanges, "flows", flow_keys, flow_headings);
}
