#include "tools/metrics/series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "policy/words.h"
#include "tools/metrics/line.h"
#include "tools/report/report_exchanges.h"
#include "tools/report/report_pools.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"

const char series_type_prometheus[] = "text/plain; version=0.0.4; charset=utf-8";
const char series_type_openmetrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#define METRICS_ENABLED    1u
#define METRICS_PER_THREAD 2u

/* No real policy comes near these; a segment that its process made up does. */
#define FAMILY_MOST ((off_t)1 << 20)  /* bytes of one process */
#define OWNER_MOST  ((off_t)64 << 20) /* of the processes of one user, in all families */

/* --- families --- */

static void info(const struct line *line)
{
    const struct snapshot *process = line->process;
    if (!line_begin(line))
        return;
    line_label(line->to, "policy", process->has_plan ? plan_text(&process->plan, process->plan.header->source) : "");
    line_label(line->to, "state", process->header.state == SEGMENT_STOPPED ? "stopped" : "active");
    line_end(line, 1);
}

static void threads_by_rule(const struct line *line)
{
    for (size_t i = 0; i < line->process->rule_count; i++) {
        if (!line_begin(line))
            return;
        line_label_rule(line, (uint32_t)i);
        line_end(line, line->process->rules[i].live);
    }
}

static void placements(const struct line *line)
{
    for (size_t i = 0; i + 1 < line->process->rule_count; i++)
        for (unsigned step = STEP_FULL; step < STEP_COUNT; step++) {
            if (!line_begin(line))
                return;
            line_label_rule(line, (uint32_t)i);
            line_label(line->to, "step", step_word(step));
            line_end(line, line->process->rules[i].steps[step]);
        }
}

static void started(const struct line *line)
{
    line_simple(line, line->process->header.threads_started);
}

static void ended(const struct line *line)
{
    line_simple(line, line->process->header.threads_ended);
}

static void refusals(const struct line *line)
{
    line_simple(line, line->process->header.kernel_refusals);
}

static void moved(const struct line *line)
{
    line_simple(line, line->process->header.bytes_moved);
}

static void not_moved(const struct line *line)
{
    line_simple(line, line->process->header.bytes_not_moved);
}

static void accesses(const struct line *line)
{
    const struct segment_seen *seen = &line->process->seen;
    const char *const words[] = {"local", "remote", "unknown"};
    const uint64_t counts[] = {seen->local, seen->remote, seen->unknown};
    for (unsigned i = 0; i < 3 && line_begin(line); i++) {
        line_label(line->to, "locality", words[i]);
        line_end(line, counts[i]);
    }
}

static void access_locality(const struct line *line)
{
    const struct segment_seen *seen = &line->process->seen;
    if (seen->weight > 0 && seen->weight_local <= seen->weight && line_begin(line))
        line_end_share(line, (double)seen->weight_local / (double)seen->weight);
}

/* Each node's, of which the largest is the report's balance. */
static void served_shares(const struct line *line)
{
    const struct segment_seen *seen = &line->process->seen;
    double all = 0;
    for (uint32_t i = 0; i < SEGMENT_SEEN_NODES; i++)
        all += (double)seen->served[i];
    for (uint32_t i = 0; i < SEGMENT_SEEN_NODES; i++) {
        if (!seen->served[i] || !line_begin(line))
            continue;
        line_label_node(line, i);
        line_end_share(line, (double)seen->served[i] / all);
    }
}

static uint32_t node_of(const struct snapshot *process, uint32_t number)
{
    const struct segment_region *region = snapshot_region(process, number);
    return region ? region->node : UINT32_MAX;
}

enum arena_field { ALLOCATIONS, BYTES, REMOTE_FREES, OVERFLOWS };

static uint64_t field_of(const struct segment_arena *arena, enum arena_field field)
{
    const uint64_t values[] = {arena->allocations, arena->bytes, arena->remote_frees, arena->overflows};
    return values[field];
}

/* Several regions of a node (bound, huge pages) are one series. */
static bool came_before(const struct snapshot *process, size_t index, uint32_t node)
{
    for (size_t i = 0; i < index; i++)
        if (process->arenas[i].rule == process->arenas[index].rule &&
            node_of(process, process->arenas[i].region) == node)
            return true;
    return false;
}

static void arenas(const struct line *line, enum arena_field field)
{
    const struct snapshot *process = line->process;
    for (size_t i = 0; i < process->arena_count; i++) {
        uint32_t node = node_of(process, process->arenas[i].region);
        uint64_t sum = 0;
        if (came_before(process, i, node))
            continue;
        for (size_t k = i; k < process->arena_count; k++)
            if (process->arenas[k].rule == process->arenas[i].rule &&
                node_of(process, process->arenas[k].region) == node)
                sum += field_of(&process->arenas[k], field);
        if (!line_begin(line))
            return;
        line_label_rule(line, process->arenas[i].rule);
        line_label_node(line, node);
        line_end(line, sum);
    }
}

static void allocations(const struct line *line)
{
    arenas(line, ALLOCATIONS);
}

static void allocated(const struct line *line)
{
    arenas(line, BYTES);
}

static void remote_frees(const struct line *line)
{
    arenas(line, REMOTE_FREES);
}

static void overflows(const struct line *line)
{
    arenas(line, OVERFLOWS);
}

static void memory_by_node(const struct line *line, bool idle)
{
    const struct snapshot *process = line->process;
    for (size_t i = 0; i < process->region_count; i++) {
        uint64_t sum = 0;
        bool before = false;
        for (size_t k = 0; k < process->region_count; k++) {
            before = before || (k < i && process->regions[k].node == process->regions[i].node);
            if (process->regions[k].node == process->regions[i].node)
                sum += idle ? process->regions[k].dirty : process->regions[k].in_use;
        }
        if (before)
            continue;
        if (!line_begin(line))
            return;
        line_label_node(line, process->regions[i].node);
        line_end(line, sum);
    }
}

static void in_use(const struct line *line)
{
    memory_by_node(line, false);
}

static void idle(const struct line *line)
{
    memory_by_node(line, true);
}

/* --- pools --- */

/* false: the process has written enough. */
static bool begin_pool(const struct line *line, size_t pool, const struct pool_work *work)
{
    if (!line_begin(line))
        return false;
    line_label(line->to, "pool", line->process->pools[pool].name);
    line_label_node(line, work->node);
    return true;
}

static void by_pool(const struct line *line, uint64_t (*value)(const struct pool_work *work))
{
    struct pool_work work;
    for (size_t i = 0; i < line->process->pool_count; i++)
        for (size_t from = 0; pool_work_next(line->process, i, &from, &work);) {
            if (!begin_pool(line, i, &work))
                return;
            line_end(line, value(&work));
        }
}

static uint64_t workers_of(const struct pool_work *work)
{
    return work->workers;
}

static uint64_t run_of(const struct pool_work *work)
{
    return work->counts.run;
}

static uint64_t slept_of(const struct pool_work *work)
{
    return work->counts.slept;
}

static void pool_workers(const struct line *line)
{
    by_pool(line, workers_of);
}

static void pool_tasks(const struct line *line)
{
    by_pool(line, run_of);
}

static void pool_sleeps(const struct line *line)
{
    by_pool(line, slept_of);
}

static void pool_stolen(const struct line *line)
{
    static const char *const tiers[SEGMENT_TIERS] = {[SEGMENT_TIER_L3] = "l3",
                                                     [SEGMENT_TIER_NODE] = "node",
                                                     [SEGMENT_TIER_SOCKET] = "socket",
                                                     [SEGMENT_TIER_REMOTE] = "remote"};
    struct pool_work work;
    for (size_t i = 0; i < line->process->pool_count; i++)
        for (size_t from = 0; pool_work_next(line->process, i, &from, &work);)
            for (unsigned tier = 0; tier < SEGMENT_TIERS; tier++) {
                if (!begin_pool(line, i, &work))
                    return;
                line_label(line->to, "from", tiers[tier]);
                line_end(line, work.counts.stolen[tier]);
            }
}

/* --- exchanges --- */

static bool begin_exchange(const struct line *line, size_t exchange)
{
    if (!line_begin(line))
        return false;
    line_label(line->to, "exchange", line->process->exchanges[exchange].name);
    return true;
}

static void by_worker_node(const struct line *line, size_t number)
{
    struct exchange_work work;
    for (size_t i = 0; i < line->process->exchange_count; i++)
        for (size_t from = 0; exchange_work_next(line->process, i, &from, &work);) {
            const uint64_t numbers[] = {work.workers, work.channels, work.slept, work.refused};
            if (!begin_exchange(line, i))
                return;
            line_label_node(line, work.node);
            line_end(line, numbers[number]);
        }
}

static void by_pair(const struct line *line, size_t number)
{
    const struct segment_flow *flow;
    for (size_t i = 0; i < line->process->exchange_count; i++)
        for (size_t from = 0; (flow = exchange_flow_next(line->process, i, &from));) {
            const uint64_t numbers[] = {flow->messages, flow->bytes, flow->queued};
            if (!begin_exchange(line, i))
                return;
            line_label_place(line, "from", flow->from);
            line_label_place(line, "to", flow->to);
            line_end(line, numbers[number]);
        }
}

static void exchange_workers(const struct line *line)
{
    by_worker_node(line, 0);
}

static void exchange_channels(const struct line *line)
{
    by_worker_node(line, 1);
}

static void exchange_sleeps(const struct line *line)
{
    by_worker_node(line, 2);
}

static void exchange_refusals(const struct line *line)
{
    by_worker_node(line, 3);
}

static void exchange_messages(const struct line *line)
{
    by_pair(line, 0);
}

static void exchange_bytes(const struct line *line)
{
    by_pair(line, 1);
}

static void exchange_queued(const struct line *line)
{
    by_pair(line, 2);
}

static void each_thread(const struct line *line)
{
    const struct snapshot *process = line->process;
    if (!process->has_plan || !(process->plan.header->metrics_flags & METRICS_PER_THREAD))
        return;
    for (size_t i = 0; i < process->thread_count; i++) {
        const struct segment_thread *thread = &process->threads[i];
        char tid[16], name[17];
        if (thread->state != THREAD_LIVE)
            continue;
        snprintf(tid, sizeof(tid), "%u", thread->tid);
        snprintf(name, sizeof(name), "%.16s", thread->name);
        if (!line_begin(line))
            return;
        line_label(line->to, "tid", tid);
        line_label(line->to, "thread", name);
        line_label_rule(line, thread->rule);
        line_label_node(line, thread->home_node == UINT16_MAX ? UINT32_MAX : thread->home_node);
        line_end(line, step_of(thread->cpu_outcome, thread->mem_outcome) == STEP_FULL);
    }
}

static const struct family {
    const char *name, *type, *help;
    void (*write)(const struct line *line);
} families[] = {
    {"nodewise_process", "info", "A process that runs under a policy.", info},
    {"nodewise_threads", "gauge", "Live threads of a rule; (base): of none.", threads_by_rule},
    {"nodewise_placements", "counter", "Threads placed by a rule, by what they got of what was asked.", placements},
    {"nodewise_threads_started", "counter", "Threads that were started.", started},
    {"nodewise_threads_ended", "counter", "Threads that have ended.", ended},
    {"nodewise_kernel_refusals", "counter", "Placing calls that the kernel refused.", refusals},
    {"nodewise_allocations", "counter", "Allocations that an arena of the node served.", allocations},
    {"nodewise_allocated_bytes", "counter", "Bytes of those, as rounded up to blocks.", allocated},
    {"nodewise_remote_frees", "counter", "Blocks that a thread of another heap freed.", remote_frees},
    {"nodewise_overflows", "counter", "Allocations that the arena could not serve.", overflows},
    {"nodewise_arena_in_use_bytes", "gauge", "Memory of the arenas in pages and objects.", in_use},
    {"nodewise_arena_idle_bytes", "gauge", "Memory of the arenas that is free but resident.", idle},
    {"nodewise_moved_bytes", "counter", "Memory that was moved after its users.", moved},
    {"nodewise_not_moved_bytes", "counter", "Memory that could not be moved.", not_moved},
    {"nodewise_sampled_accesses", "counter", "Memory accesses that were sampled, by where their page was.", accesses},
    {"nodewise_access_locality_ratio", "gauge",
     "Share of accesses since the start that found their page on their thread's node, from samples.", access_locality},
    {"nodewise_node_accesses_ratio", "gauge",
     "Share of the accesses since the start that the node served, from samples.", served_shares},
    {"nodewise_pool_workers", "gauge", "Workers of pools of the C interface.", pool_workers},
    {"nodewise_pool_tasks", "counter", "Tasks that they ran.", pool_tasks},
    {"nodewise_pool_stolen_tasks", "counter", "Tasks that they took from others, by how far these are.", pool_stolen},
    {"nodewise_pool_sleeps", "counter", "How often they went to sleep in the kernel.", pool_sleeps},
    {"nodewise_exchange_workers", "gauge", "Workers of exchanges of the C interface.", exchange_workers},
    {"nodewise_exchange_channels", "gauge", "Channels that they have open.", exchange_channels},
    {"nodewise_exchange_sleeps", "counter", "How often they went to sleep in the kernel.", exchange_sleeps},
    {"nodewise_exchange_refusals", "counter", "Messages for which they found no room.", exchange_refusals},
    {"nodewise_exchange_messages", "counter", "Messages sent from workers on a node to workers on a node.",
     exchange_messages},
    {"nodewise_exchange_sent_bytes", "counter", "Bytes of those, as the rings hold them.", exchange_bytes},
    {"nodewise_exchange_queued_bytes", "gauge", "Bytes of those that were not taken yet.", exchange_queued},
    {"nodewise_thread_as_asked", "gauge", "1: the thread has all that was asked for it ([metrics] per_thread).",
     each_thread},
};

static const char *suffix_of(const struct family *family)
{
    return strcmp(family->type, "counter") == 0 ? "_total" : strcmp(family->type, "info") == 0 ? "_info" : "";
}

/* OpenMetrics names the family without the suffix; Prometheus' text knows no info. */
static void write_head(FILE *to, const struct family *family, bool openmetrics)
{
    const char *suffix = openmetrics ? "" : suffix_of(family);
    const char *type = !openmetrics && strcmp(family->type, "info") == 0 ? "gauge" : family->type;
    fprintf(to, "# HELP %s%s %s\n# TYPE %s%s %s\n", family->name, suffix, family->help, family->name, suffix, type);
}

/* --- all of it --- */

#define FAMILIES (sizeof(families) / sizeof(*families))

/* Families stand one after the other, each with all processes: a text for each, written process by process. */
struct collection {
    char *texts[FAMILIES];
    size_t sizes[FAMILIES];
    FILE *to[FAMILIES];
    size_t count;
    struct owner {
        uid_t uid;
        size_t count;
        off_t bytes;
    } * owners;
    size_t owner_count;
    bool failed;
};

static struct owner *owner_of(struct collection *collection, uid_t uid)
{
    for (size_t i = collection->owner_count; i-- > 0;)
        if (collection->owners[i].uid == uid)
            return &collection->owners[i];
    struct owner *owners = realloc(collection->owners, (collection->owner_count + 1) * sizeof(*owners));
    if (!owners)
        return NULL;
    collection->owners = owners;
    owners[collection->owner_count] = (struct owner){.uid = uid};
    return &owners[collection->owner_count++];
}

static off_t write_process(struct collection *collection, const struct snapshot *process)
{
    off_t bytes = 0;
    for (size_t f = 0; f < FAMILIES; f++) {
        off_t start = ftello(collection->to[f]);
        struct line line = {.to = collection->to[f],
                            .end = start + FAMILY_MOST,
                            .family = families[f].name,
                            .suffix = suffix_of(&families[f]),
                            .process = process};
        families[f].write(&line);
        bytes += ftello(collection->to[f]) - start;
    }
    return bytes;
}

/* What one user's processes write keeps no other user's out. */
static void collect(void *context, const struct segment_file *file)
{
    struct collection *collection = context;
    struct owner *owner = owner_of(collection, file->user);
    struct snapshot snapshot;
    collection->failed = collection->failed || !owner;
    if (!owner || owner->count >= SERIES_PROCESSES || owner->bytes >= OWNER_MOST) {
        collection->count++;
        return;
    }
    if (snapshot_read(&snapshot, file) < 0)
        return; /* gone since the folder was read, or no segment */
    if (snapshot.alive && (!snapshot.has_plan || (snapshot.plan.header->metrics_flags & METRICS_ENABLED))) {
        owner->bytes += write_process(collection, &snapshot);
        owner->count++;
        collection->count++;
    }
    snapshot_free(&snapshot);
}

static int open_texts(struct collection *collection)
{
    for (size_t f = 0; f < FAMILIES; f++)
        if (!(collection->to[f] = open_memstream(&collection->texts[f], &collection->sizes[f])))
            return -ENOMEM;
    return 0;
}

static int close_texts(struct collection *collection)
{
    int error = 0;
    for (size_t f = 0; f < FAMILIES; f++)
        if (!collection->to[f] || fclose(collection->to[f]) != 0)
            error = -ENOMEM;
    return error;
}

int series_write(FILE *to, bool openmetrics)
{
    struct collection collection = {0};
    int error = open_texts(&collection);
    if (error == 0)
        error = segment_each(collect, &collection);
    if (close_texts(&collection) < 0 || collection.failed)
        error = -ENOMEM;
    if (error == 0) {
        fputs("# HELP nodewise_processes Processes that run under a policy.\n# TYPE nodewise_processes gauge\n", to);
        fprintf(to, "nodewise_processes %zu\n", collection.count);
    }
    for (size_t f = 0; f < FAMILIES; f++) {
        if (error == 0) {
            write_head(to, &families[f], openmetrics);
            fwrite(collection.texts[f], 1, collection.sizes[f], to);
        }
        free(collection.texts[f]);
    }
    if (error == 0 && openmetrics)
        fputs("# EOF\n", to);
    free(collection.owners);
    return error;
}
