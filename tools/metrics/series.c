#include "tools/metrics/series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "policy/reason.h"
#include "policy/words.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"

const char series_type_prometheus[] = "text/plain; version=0.0.4; charset=utf-8";
const char series_type_openmetrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#define METRICS_ENABLED    1u
#define METRICS_PER_THREAD 2u

struct collection {
    struct snapshot *items;
    size_t count, left_out;
};

/* --- one line --- */

struct line {
    FILE *to;
    const char *family;
    const char *suffix; /* "_total", "_info" or "" */
    const struct snapshot *process;
};

/* The format escapes a backslash, a quotation mark and a newline; all else that is not printable is spelt out. */
static void write_value(FILE *to, const char *text)
{
    char form[PRINTABLE_FORM];
    for (size_t length = strlen(text); length > 0;) {
        bool as_is;
        size_t bytes = printable_next(text, length, form, &as_is);
        if (*text == '\n')
            fputs("\\n", to);
        else
            fprintf(to, "%s%s", !as_is || *text == '\\' || *text == '"' ? "\\" : "", form);
        text += bytes;
        length -= bytes;
    }
}

static void write_label(FILE *to, const char *name, const char *value)
{
    fprintf(to, ",%s=\"", name);
    write_value(to, value);
    fputc('"', to);
}

static bool is_own(const char *name)
{
    static const char *const own[] = {"pid", "comm", "rule", "node", "step", "tid", "thread", "policy", "state"};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (strcmp(own[i], name) == 0)
            return true;
    return false;
}

static void write_policy_labels(FILE *to, const struct snapshot *process)
{
    const struct plan_view *plan = &process->plan;
    for (uint32_t i = 0; process->has_plan && i + 1 < plan->count[PLAN_LABELS]; i += 2)
        if (!is_own(plan_text(plan, plan->labels[i])))
            write_label(to, plan_text(plan, plan->labels[i]), plan_text(plan, plan->labels[i + 1]));
}

/* Up to the point where a sample's own labels stand. */
static void begin(const struct line *line)
{
    char comm[17];
    snprintf(comm, sizeof(comm), "%.16s", line->process->header.comm);
    fprintf(line->to, "%s%s{pid=\"%u\"", line->family, line->suffix, line->process->header.pid);
    write_label(line->to, "comm", comm);
    write_policy_labels(line->to, line->process);
}

static void end(const struct line *line, uint64_t value)
{
    fprintf(line->to, "} %" PRIu64 "\n", value);
}

static void simple(const struct line *line, uint64_t value)
{
    begin(line);
    end(line, value);
}

static void label_rule(const struct line *line, uint32_t rule)
{
    const char *name = snapshot_rule_name(line->process, rule);
    char number[16];
    snprintf(number, sizeof(number), "%u", rule);
    write_label(line->to, "rule", name ? name : number);
}

static void label_node(const struct line *line, uint32_t node)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", node);
    write_label(line->to, "node", node == UINT32_MAX ? "any" : number);
}

/* --- families --- */

static void info(const struct line *line)
{
    const struct snapshot *process = line->process;
    begin(line);
    write_label(line->to, "policy", process->has_plan ? plan_text(&process->plan, process->plan.header->source) : "");
    write_label(line->to, "state", process->header.state == SEGMENT_STOPPED ? "stopped" : "active");
    end(line, 1);
}

static void threads_by_rule(const struct line *line)
{
    for (size_t i = 0; i < line->process->rule_count; i++) {
        begin(line);
        label_rule(line, (uint32_t)i);
        end(line, line->process->rules[i].live);
    }
}

static void placements(const struct line *line)
{
    for (size_t i = 0; i + 1 < line->process->rule_count; i++)
        for (unsigned step = STEP_FULL; step < STEP_COUNT; step++) {
            begin(line);
            label_rule(line, (uint32_t)i);
            write_label(line->to, "step", step_word(step));
            end(line, line->process->rules[i].steps[step]);
        }
}

static void started(const struct line *line)
{
    simple(line, line->process->header.threads_started);
}

static void ended(const struct line *line)
{
    simple(line, line->process->header.threads_ended);
}

static void refusals(const struct line *line)
{
    simple(line, line->process->header.kernel_refusals);
}

static void moved(const struct line *line)
{
    simple(line, line->process->header.bytes_moved);
}

static void not_moved(const struct line *line)
{
    simple(line, line->process->header.bytes_not_moved);
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
        begin(line);
        label_rule(line, process->arenas[i].rule);
        label_node(line, node);
        end(line, sum);
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
        begin(line);
        label_node(line, process->regions[i].node);
        end(line, sum);
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
        begin(line);
        write_label(line->to, "tid", tid);
        write_label(line->to, "thread", name);
        label_rule(line, thread->rule);
        label_node(line, thread->home_node == UINT16_MAX ? UINT32_MAX : thread->home_node);
        end(line, step_of(thread->cpu_outcome, thread->mem_outcome) == STEP_FULL);
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

static void collect(void *context, const struct segment_file *file)
{
    struct collection *collection = context;
    struct snapshot *items = collection->items;
    struct snapshot snapshot;
    if (snapshot_read(&snapshot, file) < 0)
        return; /* another user's, or gone since the folder was read */
    bool wanted = snapshot.alive && (!snapshot.has_plan || (snapshot.plan.header->metrics_flags & METRICS_ENABLED));
    if (wanted && collection->count < SERIES_PROCESSES)
        items = realloc(items, (collection->count + 1) * sizeof(*items));
    if (!wanted || collection->count >= SERIES_PROCESSES || !items) {
        collection->left_out += wanted;
        snapshot_free(&snapshot);
        return;
    }
    collection->items = items;
    items[collection->count++] = snapshot;
}

int series_write(FILE *to, bool openmetrics)
{
    struct collection collection = {0};
    if (segment_each(collect, &collection) < 0)
        return -ENOMEM;
    fputs("# HELP nodewise_processes Processes that run under a policy.\n# TYPE nodewise_processes gauge\n", to);
    fprintf(to, "nodewise_processes %zu\n", collection.count + collection.left_out);
    for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
        const struct family *family = &families[f];
        struct line line = {.to = to, .family = family->name, .suffix = suffix_of(family)};
        write_head(to, family, openmetrics);
        for (size_t i = 0; i < collection.count; i++) {
            line.process = &collection.items[i];
            family->write(&line);
        }
    }
    if (openmetrics)
        fputs("# EOF\n", to);
    for (size_t i = 0; i < collection.count; i++)
        snapshot_free(&collection.items[i]);
    free(collection.items);
    return 0;
}
