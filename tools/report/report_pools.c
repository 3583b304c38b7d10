#include "tools/report/report_pools.h"

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"

/* --- sums --- */

static void add(struct segment_worker_counts *to, const struct segment_worker_counts *from)
{
    to->run += from->run;
    to->slept += from->slept;
    to->woken += from->woken;
    for (unsigned i = 0; i < SEGMENT_TIERS; i++)
        to->stolen[i] += from->stolen[i];
}

static bool is_first_of_node(const struct snapshot *snapshot, size_t index)
{
    const struct segment_worker *worker = &snapshot->workers[index];
    for (size_t i = 0; i < index; i++)
        if (snapshot->workers[i].pool == worker->pool && snapshot->workers[i].node == worker->node)
            return false;
    return true;
}

bool pool_work_next(const struct snapshot *snapshot, size_t pool, size_t *from, struct pool_work *ret)
{
    while (*from < snapshot->worker_count &&
           (snapshot->workers[*from].pool != pool + 1 || !is_first_of_node(snapshot, *from)))
        ++*from;
    if (*from == snapshot->worker_count)
        return false;
    *ret = (struct pool_work){.node = snapshot->workers[*from].node};
    for (size_t i = *from; i < snapshot->worker_count; i++) {
        const struct segment_worker *worker = &snapshot->workers[i];
        if (worker->pool != pool + 1 || worker->node != ret->node)
            continue;
        ret->workers += worker->state == WORKER_LIVES && !worker->guests;
        add(&ret->counts, &worker->counts);
    }
    ++*from;
    return true;
}

/* --- the part of the report --- */

static json_t *work_json(const struct pool_work *work)
{
    const struct segment_worker_counts *counts = &work->counts;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "node", (json_int_t)work->node, "workers",
                     (json_int_t)work->workers, "run", (json_int_t)counts->run, "stolen_node",
                     (json_int_t)pool_work_near(work), "stolen_socket", (json_int_t)counts->stolen[SEGMENT_TIER_SOCKET],
                     "stolen_remote", (json_int_t)counts->stolen[SEGMENT_TIER_REMOTE], "slept",
                     (json_int_t)counts->slept, "woken", (json_int_t)counts->woken);
}

json_t *report_pools(const struct snapshot *snapshot)
{
    json_t *pools = json_array();
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const struct segment_named *pool = &snapshot->pools[i];
        json_t *nodes = json_array();
        struct pool_work work;
        for (size_t from = 0; pool_work_next(snapshot, i, &from, &work);)
            json_array_append_new(nodes, work_json(&work));
        json_array_append_new(pools, json_pack("{s:o, s:I, s:I, s:o}", "pool", json_any_text(pool->name), "open",
                                               (json_int_t)pool->open, "unlisted", (json_int_t)pool->unlisted, "nodes",
                                               nodes));
    }
    return pools;
}

static void print_node(struct table *table, const json_t *pool, const json_t *node)
{
    static const char *const numbers[] = {"node",          "workers",       "run",   "stolen_node",
                                          "stolen_socket", "stolen_remote", "slept", "woken"};
    enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };
    const char *row[NUMBERS + 1] = {text_of(pool, "pool")};
    char cells[NUMBERS][24];
    for (size_t i = 0; i < NUMBERS; i++) {
        snprintf(cells[i], sizeof(cells[i]), "%lld", number_of(node, numbers[i]));
        row[i + 1] = cells[i];
    }
    table_row(table, row);
}

void report_pools_text(FILE *to, const json_t *report)
{
    static const char *const headings[] = {"POOL",      "NODE",      "WORKERS", "TASKS", "OF-NODE",
                                           "OF-SOCKET", "OF-REMOTE", "SLEPT",   "WOKEN"};
    const json_t *pools = json_object_get(report, "pools");
    size_t index, number;
    json_t *pool, *node;
    if (json_array_size(pools) == 0)
        return;
    struct table *table = table_new(headings, sizeof(headings) / sizeof(*headings));
    json_array_foreach(pools, index, pool)
        json_array_foreach(json_object_get(pool, "nodes"), number, node)
            print_node(table, pool, node);
    fputs(
        "\npools of the C interface: tasks that were run, and those of them that came from other workers of the node, of "
        "the socket, from farther nodes:\n",
        to);
    table_print(to, table);
}
