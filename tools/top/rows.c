#include "tools/top/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/printable.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/report/report_exchanges.h"
#include "tools/report/report_pools.h"
#include "tools/report/report_values.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"
#include "tools/top/times.h"

struct top {
    struct snapshot *processes;
    size_t process_count, thread_count;
    struct top_node nodes[TOP_NODES];
    size_t node_count;
    struct times *times;
};

struct top *top_new(void)
{
    struct top *top = calloc(1, sizeof(*top));
    if (top && !(top->times = times_new())) {
        free(top);
        top = NULL;
    }
    return top;
}

static void forget(struct top *top)
{
    for (size_t i = 0; i < top->process_count; i++)
        snapshot_free(&top->processes[i]);
    free(top->processes);
    top->processes = NULL;
    top->process_count = top->thread_count = top->node_count = 0;
}

void top_free(struct top *top)
{
    if (!top)
        return;
    forget(top);
    times_free(top->times);
    free(top);
}

bool top_has_process(const struct top *top, pid_t pid)
{
    for (size_t i = 0; i < top->process_count; i++)
        if (top->processes[i].header.pid == (uint32_t)pid)
            return true;
    return false;
}

size_t top_process_count(const struct top *top)
{
    return top->process_count;
}

size_t top_thread_count(const struct top *top)
{
    return top->thread_count;
}

double top_access_locality(const struct top *top)
{
    double local = 0, all = 0;
    for (size_t i = 0; i < top->process_count; i++) {
        const struct segment_seen *seen = &top->processes[i].seen;
        if (seen->weight_local > seen->weight)
            continue;
        local += (double)seen->weight_local;
        all += (double)seen->weight;
    }
    return all > 0 ? local / all : -1;
}

const struct top_node *top_nodes(const struct top *top, size_t *ret_count)
{
    *ret_count = top->node_count;
    return top->nodes;
}

/* --- looking --- */

struct visit {
    struct top *top;
    const struct top_filter *filter;
    bool out_of_memory;
};

static bool is_wanted(const struct top_filter *filter, pid_t pid)
{
    for (size_t i = 0; i < filter->pid_count; i++)
        if (filter->pids[i] == pid)
            return true;
    return filter->pid_count == 0;
}

/* Processes of that user: those of one keep no other's out. */
static size_t count_of(const struct top *top, uid_t user)
{
    size_t count = 0;
    for (size_t i = 0; i < top->process_count; i++)
        count += top->processes[i].header.uid == user;
    return count;
}

static void take_process(void *context, const struct segment_file *file)
{
    struct visit *visit = context;
    struct top *top = visit->top;
    struct snapshot snapshot;
    if (!is_wanted(visit->filter, file->pid) || count_of(top, file->user) >= TOP_PROCESSES ||
        snapshot_read(&snapshot, file) < 0)
        return;
    struct snapshot *all = snapshot.alive ? realloc(top->processes, (top->process_count + 1) * sizeof(*all)) : NULL;
    if (!all) {
        visit->out_of_memory = visit->out_of_memory || snapshot.alive;
        snapshot_free(&snapshot);
        return;
    }
    top->processes = all;
    all[top->process_count++] = snapshot;
}

static struct top_node *node_of(struct top *top, uint32_t id)
{
    for (size_t i = 0; i < top->node_count; i++)
        if (top->nodes[i].id == id)
            return &top->nodes[i];
    if (top->node_count == TOP_NODES)
        return NULL;
    top->nodes[top->node_count] = (struct top_node){.id = id, .cpu = -1};
    return &top->nodes[top->node_count++];
}

/* /sys/devices/system/node/nodeN/meminfo: "Node 0 MemTotal:  123 kB". */
static void read_memory(struct top_node *node)
{
    char path[64], line[256];
    uint64_t total = 0, unused = 0;
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node->id);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        const char *at = strstr(line, "MemTotal:");
        if (at)
            sscanf(at, "MemTotal: %" SCNu64, &total);
        at = strstr(line, "MemFree:");
        if (at)
            sscanf(at, "MemFree: %" SCNu64, &unused);
    }
    if (file)
        fclose(file);
    node->memory = total << 10;
    node->memory_used = (total - unused) << 10;
}

static void fill_accesses(struct top *top, const struct segment_seen *seen)
{
    for (uint32_t i = 0; i < SEGMENT_SEEN_NODES; i++) {
        struct top_node *node = seen->served[i] ? node_of(top, i) : NULL;
        if (node)
            node->accesses += (double)seen->served[i];
    }
}

static void fill_nodes(struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++) {
        const struct snapshot *process = &top->processes[p];
        for (uint32_t i = 0; process->has_plan && i < process->plan.count[PLAN_NODES]; i++)
            node_of(top, process->plan.nodes[i].id);
        for (size_t i = 0; i < process->thread_count; i++) {
            const struct segment_thread *thread = &process->threads[i];
            struct top_node *node = thread->state == THREAD_LIVE && thread->home_node != UINT16_MAX
                                        ? node_of(top, thread->home_node)
                                        : NULL;
            top->thread_count += thread->state == THREAD_LIVE;
            if (node)
                node->threads++;
        }
        for (size_t i = 0; i < process->arena_count; i++) {
            const struct segment_region *region = snapshot_region(process, process->arenas[i].region);
            struct top_node *node = region && region->node != UINT32_MAX ? node_of(top, region->node) : NULL;
            if (!node)
                continue;
            node->served += process->arenas[i].allocations;
            node->overflows += process->arenas[i].overflows;
        }
        fill_accesses(top, &process->seen);
    }
    for (size_t i = 0; i < top->node_count; i++) {
        read_memory(&top->nodes[i]);
        top->nodes[i].cpu = times_node(top->times, top->nodes[i].id, &top->nodes[i].cpus);
    }
}

int top_look(struct top *top, const struct top_filter *filter)
{
    struct visit visit = {.top = top, .filter = filter};
    forget(top);
    times_begin(top->times);
    if (segment_each(take_process, &visit) < 0 || visit.out_of_memory)
        return -ENOMEM;
    for (size_t p = 0; p < top->process_count; p++)
        for (size_t i = 0; i < top->processes[p].thread_count; i++)
            if (top->processes[p].threads[i].state == THREAD_LIVE)
                times_thread(top->times, (pid_t)top->processes[p].header.pid, (pid_t)top->processes[p].threads[i].tid);
    fill_nodes(top);
    return top->process_count ? 0 : -ENOENT;
}

/* --- tables --- */

const char *top_tab_word(enum top_tab tab)
{
    static const char *const words[TAB_COUNT] = {"threads", "rules", "memory", "pools", "exchanges", "events"};
    return words[tab];
}

struct making {
    struct top_table *table;
    const struct top_filter *filter;
    bool out_of_memory;
};

static bool passes(const struct top_filter *filter, uint32_t node, const char *rule)
{
    return (filter->node < 0 || filter->node == (int64_t)node) &&
           (!filter->rule || !*filter->rule || strcasestr(rule, filter->rule));
}

static void add_row(struct making *making, double key, uint32_t node, const char *rule, ...)
{
    struct top_table *table = making->table;
    va_list cells;
    if (!passes(making->filter, node, rule))
        return;
    if ((table->count & (table->count - 1)) == 0) {
        struct top_row *rows = realloc(table->rows, (table->count ? table->count * 2 : 1) * sizeof(*rows));
        if (!rows) {
            making->out_of_memory = true;
            return;
        }
        table->rows = rows;
    }
    struct top_row *row = &table->rows[table->count++];
    *row = (struct top_row){.key = key};
    va_start(cells, rule);
    for (size_t i = 0; i < table->columns; i++) {
        row->cells[i] = printable_copy(va_arg(cells, const char *));
        making->out_of_memory = making->out_of_memory || !row->cells[i];
    }
    va_end(cells);
}

static const char *rule_name(const struct snapshot *process, uint32_t rule, char *buffer, size_t size)
{
    const char *name = snapshot_rule_name(process, rule);
    snprintf(buffer, size, "rule %u", rule);
    return name ? name : buffer;
}

static const char *node_word(uint32_t node, char *buffer, size_t size)
{
    if (node == UINT32_MAX)
        return "-";
    snprintf(buffer, size, "%u", node);
    return buffer;
}

/* As the kernel has them, malloc'd; NULL: the thread has ended. */
static char *cpus_now(pid_t pid, pid_t tid)
{
    struct cpuset cpus = CPUSET_EMPTY;
    char *text = thread_cpus_now(pid, tid, &cpus) == 0 ? cpuset_to_string(&cpus) : NULL;
    cpuset_free(&cpus);
    return text;
}

static void add_thread(struct making *making, const struct top *top, const struct snapshot *process,
                       const struct segment_thread *thread)
{
    char pid[16], tid[16], name[17], cpu[16] = "-", node[16], buffer[24];
    double share = times_share(top->times, (pid_t)thread->tid);
    uint32_t home = thread->home_node == UINT16_MAX ? UINT32_MAX : thread->home_node;
    const char *rule = rule_name(process, thread->rule, buffer, sizeof(buffer));
    const char *reason =
        thread->cpu_reason != REASON_OK && thread->cpu_reason != REASON_NOT_ASKED   ? reason_word(thread->cpu_reason)
        : thread->mem_reason != REASON_OK && thread->mem_reason != REASON_NOT_ASKED ? reason_word(thread->mem_reason)
                                                                                    : "";
    snprintf(pid, sizeof(pid), "%u", process->header.pid);
    snprintf(tid, sizeof(tid), "%u", thread->tid);
    snprintf(name, sizeof(name), "%.16s", thread->name);
    if (share >= 0)
        snprintf(cpu, sizeof(cpu), "%.1f", share * 100);
    char *cpus = cpus_now((pid_t)process->header.pid, (pid_t)thread->tid);
    add_row(making, share, home, rule, pid, tid, name, rule, node_word(home, node, sizeof(node)), cpus ? cpus : "-",
            cpu, step_word(step_of(thread->cpu_outcome, thread->mem_outcome)), reason_word(thread->why), reason);
    free(cpus);
}

static void make_threads(struct making *making, const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++)
        for (size_t i = 0; i < top->processes[p].thread_count; i++)
            if (top->processes[p].threads[i].state == THREAD_LIVE)
                add_thread(making, top, &top->processes[p], &top->processes[p].threads[i]);
}

static void make_rules(struct making *making, const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++) {
        const struct snapshot *process = &top->processes[p];
        for (size_t i = 0; i < process->rule_count; i++) {
            const struct segment_rule *rule = &process->rules[i];
            char pid[16], buffer[24], numbers[6][24];
            const unsigned long long values[] = {rule->live,
                                                 rule->placed,
                                                 rule->steps[STEP_FULL],
                                                 rule->steps[STEP_PREFERRED],
                                                 (unsigned long long)rule->steps[STEP_CPU_ONLY] +
                                                     rule->steps[STEP_MEMORY_ONLY],
                                                 rule->steps[STEP_NONE]};
            const char *name = rule_name(process, (uint32_t)i, buffer, sizeof(buffer));
            snprintf(pid, sizeof(pid), "%u", process->header.pid);
            for (size_t k = 0; k < 6; k++)
                snprintf(numbers[k], sizeof(numbers[k]), "%llu", values[k]);
            add_row(making, (double)rule->live, UINT32_MAX, name, pid, process->header.comm, name, numbers[0],
                    numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
        }
    }
}

static void make_memory(struct making *making, const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++) {
        const struct snapshot *process = &top->processes[p];
        for (size_t i = 0; i < process->arena_count; i++) {
            const struct segment_arena *arena = &process->arenas[i];
            const struct segment_region *region = snapshot_region(process, arena->region);
            char pid[16], node[16], buffer[24], bytes[32], used[32] = "-", numbers[3][24];
            uint32_t where = region ? region->node : UINT32_MAX;
            const char *rule = rule_name(process, arena->rule, buffer, sizeof(buffer));
            snprintf(pid, sizeof(pid), "%u", process->header.pid);
            size_text(arena->bytes, bytes, sizeof(bytes));
            if (region)
                size_text(region->in_use, used, sizeof(used));
            snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, arena->allocations);
            snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, arena->remote_frees);
            snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, arena->overflows);
            add_row(making, (double)arena->bytes, where, rule, pid, process->header.comm, rule,
                    node_word(where, node, sizeof(node)), numbers[0], bytes, numbers[1], numbers[2], used);
        }
    }
}

static void add_pool(struct making *making, const struct snapshot *process, const char *name,
                     const struct pool_work *work)
{
    const struct segment_worker_counts *counts = &work->counts;
    const uint64_t values[] = {work->workers,
                               counts->run,
                               pool_work_near(work),
                               counts->stolen[SEGMENT_TIER_SOCKET],
                               counts->stolen[SEGMENT_TIER_REMOTE],
                               counts->slept};
    char pid[16], node[16], numbers[6][24];
    snprintf(pid, sizeof(pid), "%u", process->header.pid);
    for (size_t i = 0; i < 6; i++)
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, values[i]);
    add_row(making, (double)counts->run, work->node, name, pid, process->header.comm, name,
            node_word(work->node, node, sizeof(node)), numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
            numbers[5]);
}

bool top_has_pools(const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++)
        if (top->processes[p].pool_count)
            return true;
    return false;
}

static void make_pools(struct making *making, const struct top *top)
{
    struct pool_work work;
    for (size_t p = 0; p < top->process_count; p++)
        for (size_t i = 0; i < top->processes[p].pool_count; i++)
            for (size_t from = 0; pool_work_next(&top->processes[p], i, &from, &work);)
                add_pool(making, &top->processes[p], top->processes[p].pools[i].name, &work);
}

static void add_flow(struct making *making, const struct snapshot *process, const char *name, const char *from,
                     const struct exchange_work *to, const struct segment_flow *flow)
{
    char pid[16], node[16], workers[24], channels[24], messages[24], bytes[32], queued[32];
    snprintf(pid, sizeof(pid), "%u", process->header.pid);
    snprintf(workers, sizeof(workers), "%u", to->workers);
    snprintf(channels, sizeof(channels), "%" PRIu64, to->channels);
    snprintf(messages, sizeof(messages), "%" PRIu64, flow->messages);
    size_text(flow->bytes, bytes, sizeof(bytes));
    size_text(flow->queued, queued, sizeof(queued));
    add_row(making, (double)flow->bytes, to->node, name, pid, process->header.comm, name, from,
            node_word(to->node, node, sizeof(node)), workers, channels, messages, bytes, queued);
}

/* A row for each node that sends to the workers on this one; one row of these where nothing came. */
static void add_exchange(struct making *making, const struct snapshot *process, size_t exchange,
                         const struct exchange_work *to)
{
    static const struct segment_flow none;
    const char *name = process->exchanges[exchange].name;
    const struct segment_flow *flow;
    bool any = false;
    for (size_t from = 0; (flow = exchange_flow_next(process, exchange, &from));) {
        char node[16];
        if (flow->to != to->node)
            continue;
        add_flow(making, process, name, node_word(flow->from, node, sizeof(node)), to, flow);
        any = true;
    }
    if (!any)
        add_flow(making, process, name, "-", to, &none);
}

bool top_has_exchanges(const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++)
        if (top->processes[p].exchange_count)
            return true;
    return false;
}

static void make_exchanges(struct making *making, const struct top *top)
{
    struct exchange_work work;
    for (size_t p = 0; p < top->process_count; p++)
        for (size_t i = 0; i < top->processes[p].exchange_count; i++)
            for (size_t from = 0; exchange_work_next(&top->processes[p], i, &from, &work);)
                add_exchange(making, &top->processes[p], i, &work);
}

static void make_events(struct making *making, const struct top *top)
{
    for (size_t p = 0; p < top->process_count; p++) {
        const struct snapshot *process = &top->processes[p];
        for (size_t i = 0; i < process->event_count; i++) {
            const struct segment_event *event = &process->events[i];
            char pid[16], tid[16], seconds[32], buffer[24], text[17];
            const char *rule = rule_name(process, event->rule, buffer, sizeof(buffer));
            double at = (double)(process->header.start_realtime + event->time_ns) / 1e9;
            snprintf(pid, sizeof(pid), "%u", process->header.pid);
            snprintf(tid, sizeof(tid), "%u", event->tid);
            snprintf(text, sizeof(text), "%.16s", event->text);
            snprintf(seconds, sizeof(seconds), "%.3f", (double)event->time_ns / 1e9);
            add_row(making, at, UINT32_MAX, rule, pid, seconds, tid, report_event_word(event->kind), rule,
                    outcome_word(event->outcome), reason_word(event->reason), text);
        }
    }
}

/* --- sorting --- */

static unsigned sort_column;

static int compare_texts(const char *a, const char *b)
{
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    if (end_a != a && end_b != b && x != y)
        return x > y ? -1 : 1; /* numbers: the largest first */
    return strcasecmp(a, b);
}

static int compare_rows(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    if (sort_column < TOP_COLUMNS)
        return compare_texts(x->cells[sort_column], y->cells[sort_column]);
    return x->key > y->key ? -1 : x->key < y->key ? 1 : 0;
}

int top_table(struct top *top, enum top_tab tab, const struct top_filter *filter, struct top_table *ret_table)
{
    static const char *const threads[] = {"PID",  "TID",  "THREAD", "RULE", "NODE",
                                          "CPUS", "%CPU", "STEP",   "WHY",  "NOTE"};
    static const char *const rules[] = {"PID",  "PROCESS",   "RULE",  "LIVE", "PLACED",
                                        "FULL", "PREFERRED", "PARTS", "NONE"};
    static const char *const memory[] = {"PID",   "PROCESS",      "RULE",      "NODE",  "ALLOCATIONS",
                                         "BYTES", "REMOTE-FREES", "OVERFLOWS", "IN-USE"};
    static const char *const pools[] = {"PID",   "PROCESS", "POOL",      "NODE",      "WORKERS",
                                        "TASKS", "OF-NODE", "OF-SOCKET", "OF-REMOTE", "SLEPT"};
    static const char *const exchanges[] = {"PID",     "PROCESS",  "EXCHANGE", "FROM",  "TO",
                                            "WORKERS", "CHANNELS", "MESSAGES", "BYTES", "QUEUED"};
    static const char *const events[] = {"PID", "SECONDS", "TID", "EVENT", "RULE", "OUTCOME", "REASON", "TEXT"};
    static const struct {
        const char *const *headings;
        size_t columns;
        void (*make)(struct making *making, const struct top *top);
    } tabs[TAB_COUNT] = {
        [TAB_THREADS] = {threads, 10, make_threads},       [TAB_RULES] = {rules, 9, make_rules},
        [TAB_MEMORY] = {memory, 9, make_memory},           [TAB_POOLS] = {pools, 10, make_pools},
        [TAB_EXCHANGES] = {exchanges, 10, make_exchanges}, [TAB_EVENTS] = {events, 8, make_events},
    };
    struct top_filter fitting = *filter;
    struct making making = {.table = ret_table, .filter = &fitting};
    *ret_table = (struct top_table){.headings = tabs[tab].headings, .columns = tabs[tab].columns};
    if (tab == TAB_RULES || tab == TAB_EVENTS)
        fitting.node = -1; /* these have no node */
    tabs[tab].make(&making, top);
    if (making.out_of_memory) {
        top_table_free(ret_table);
        return -ENOMEM;
    }
    sort_column = filter->sort < tabs[tab].columns ? filter->sort : TOP_COLUMNS;
    if (ret_table->count)
        qsort(ret_table->rows, ret_table->count, sizeof(*ret_table->rows), compare_rows);
    return 0;
}

void top_table_free(struct top_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        for (size_t k = 0; k < table->columns; k++)
            free(table->rows[i].cells[k]);
    }
    free(table->rows);
    *table = (struct top_table){0};
}
