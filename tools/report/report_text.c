#include "tools/report/report_text.h"

#include <string.h>

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/prepare/left_out.h"
#include "tools/report/not_adopted.h"
#include "tools/report/report_accesses.h"
#include "tools/report/report_arenas.h"
#include "tools/report/report_exchanges.h"
#include "tools/report/report_mappings.h"
#include "tools/report/report_pages.h"
#include "tools/report/report_pools.h"
#include "tools/report/report_verdict.h"

#define THREAD_COLUMNS 10u

/* Memory that went after its users; nothing where there was none. */
static void print_following(FILE *to, const json_t *following)
{
    static const struct {
        const char *key, *text;
    } reasons[] = {{"shared", "other processes have these pages as well"},
                   {"node_full", "their node has no free memory"},
                   {"in_use", "pinned or under I/O at that moment"},
                   {"refused", "the kernel refused move_pages(2): doctor tells why"}};
    const json_t *not_moved = json_object_get(following, "not_moved");
    const double mib = 1 << 20;
    const char *reason = text_of(following, "reason");
    long long moved = number_of(following, "bytes_moved"), kept = number_of(following, "bytes_not_moved");

    if (moved || kept)
        fprintf(to, "memory moved after its users: %.1f MiB", (double)moved / mib);
    if (kept)
        fprintf(to, "; %.1f MiB could not be moved", (double)kept / mib);
    if (moved || kept)
        fputs(truth_of(following, "active") ? ", still looking\n" : "\n", to);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (number_of(not_moved, reasons[i].key) > 0)
            fprintf(to, "  not moved: %.1f MiB: %s\n", (double)number_of(not_moved, reasons[i].key) / mib,
                    reasons[i].text);
    if (*reason && strcmp(reason, "ok") != 0)
        fprintf(to, "memory does not follow its users: %s\n", reason);
}

static void print_left_out(FILE *to, const json_t *outside)
{
    const json_t *left_out = json_object_get(outside, "left_out");
    if (json_array_size(left_out) == 0)
        return;
    fputs("left out, as it takes the preloaded library: ", to);
    left_out_text(to, left_out);
    fputc('\n', to);
}

static void print_process(FILE *to, const json_t *report)
{
    const json_t *process = json_object_get(report, "process"), *plan = json_object_get(report, "plan");
    const json_t *outside = json_object_get(report, "outside");
    fprintf(to, "%s (pid %lld, %s", text_of(process, "comm"), number_of(process, "pid"),
            json_is_object(outside) ? "from outside" : text_of(process, "state"));
    if (number_of(outside, "watcher"))
        fprintf(to, ", watched by process %lld", number_of(outside, "watcher"));
    fputc(')', to);
    if (*text_of(plan, "policy"))
        fprintf(to, " under %s", text_of(plan, "policy"));
    fputc('\n', to);
    print_left_out(to, outside);
    const char *reason = text_of(process, "state_reason");
    if (*reason && strcmp(reason, "ok") != 0)
        fprintf(to, "state: %s\n", reason);
    if (*text_of(process, "no_file"))
        fprintf(to, "telemetry: in the memory of the process alone: %s\n", text_of(process, "no_file"));
    if (!truth_of(plan, "readable"))
        fprintf(to, "the plan %s cannot be read (%s): rules have numbers only\n", text_of(plan, "path"),
                text_of(plan, "reason"));
    fprintf(to, "threads: %lld started, %lld ended", number_of(process, "threads_started"),
            number_of(process, "threads_ended"));
    if (number_of(process, "threads_unlisted"))
        fprintf(to, ", %lld more than the list holds", number_of(process, "threads_unlisted"));
    if (number_of(process, "kernel_refusals"))
        fprintf(to, "; %lld placing calls were refused", number_of(process, "kernel_refusals"));
    fputc('\n', to);
    print_following(to, json_object_get(process, "following"));
    not_adopted_text(to, report);
    fputc('\n', to);
}

static void print_rules(FILE *to, const json_t *report)
{
    static const char *const headings[] = {"RULE", "ASKED", "CPUS", "PLACED", "LIVE", "STRICT", "BEST", "NONE", "NOTE"};
    struct table *table = table_new(headings, 9);
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(report, "rules"), index, rule) {
        const json_t *cpu = json_object_get(rule, "cpu");
        char numbers[5][24];
        if (strcmp(text_of(rule, "name"), "(base)") == 0 && number_of(rule, "placed") == 0)
            continue;
        const long long values[] = {number_of(rule, "placed"), number_of(rule, "live"), number_of(cpu, "strict"),
                                    number_of(cpu, "best_effort"), number_of(cpu, "none")};
        for (size_t i = 0; i < 5; i++)
            snprintf(numbers[i], sizeof(numbers[i]), "%lld", values[i]);
        const char *note = text_of(rule, "set_reason");
        const char *const cells[] = {text_of(rule, "name"),
                                     text_of(rule, "asked"),
                                     text_of(rule, "cpus"),
                                     numbers[0],
                                     numbers[1],
                                     numbers[2],
                                     numbers[3],
                                     numbers[4],
                                     strcmp(note, "ok") ? note : ""};
        table_row(table, cells);
    }
    table_print(to, table);
}

static void append(char *text, size_t size, const char *before, const char *more)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s%s", before, more);
}

/* " memory:eperm" where that was asked for and not had as asked. */
static void append_outcome(char *text, size_t size, const json_t *thread, const char *before, const char *what)
{
    char key[32];
    snprintf(key, sizeof(key), "%s_outcome", what);
    const char *outcome = text_of(thread, key);
    if (strcmp(outcome, "best_effort") != 0 && strcmp(outcome, "none") != 0)
        return;
    snprintf(key, sizeof(key), "%s_reason", what);
    append(text, size, before, text_of(thread, key));
}

/* "" while all is well: what a reader should look at. */
static void thread_note(const json_t *thread, char *ret_note, size_t size)
{
    const char *now = text_of(thread, "now"), *asked = text_of(thread, "asked"), *reason = text_of(thread, "reason");
    bool drifted = *now && *asked && strcmp(now, asked) != 0;
    snprintf(ret_note, size, "%s%s%s", strcmp(reason, "ok") && strcmp(reason, "not-asked") ? reason : "",
             truth_of(thread, "exclusive") ? " exclusive" : "", drifted ? " differs-from-asked" : "");
    append_outcome(ret_note, size, thread, " memory:", "memory");
    append_outcome(ret_note, size, thread, " stack:", "stack");
    append(ret_note, size, "", truth_of(thread, "union") ? " union" : "");
}

/* The column is left out where no thread has been given one. */
static bool has_memory_policies(const json_t *report)
{
    size_t index;
    json_t *thread;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        if (*text_of(thread, "memory_policy"))
            return true;
    }
    return false;
}

/* The same of their states, which are all the same in a process that runs. */
static bool has_other_states(const json_t *report)
{
    size_t index;
    json_t *thread;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        if (strcmp(text_of(thread, "state"), "live") != 0)
            return true;
    }
    return false;
}

static void print_threads(FILE *to, const json_t *report)
{
    static const char *const all_headings[] = {"TID",   "THREAD", "STATE",   "RULE",   "WHY",
                                               "ASKED", "NOW",    "OUTCOME", "MEMORY", "NOTE"};
    static const char *const keys[] = {"",      "name", "state",   "rule",          "why",
                                       "asked", "now",  "outcome", "memory_policy", ""};
    const bool shown[] = {true, true, has_other_states(report),    true, true, true,
                          true, true, has_memory_policies(report), true};
    const char *headings[THREAD_COLUMNS], *cells[THREAD_COLUMNS];
    size_t index, columns = 0;
    for (size_t i = 0; i < THREAD_COLUMNS; i++)
        if (shown[i])
            headings[columns++] = all_headings[i];
    struct table *table = table_new(headings, columns);
    json_t *thread;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        char tid[24], note[160];
        snprintf(tid, sizeof(tid), "%lld", number_of(thread, "tid"));
        thread_note(thread, note, sizeof(note));
        columns = 0;
        for (size_t i = 0; i < THREAD_COLUMNS; i++)
            if (shown[i])
                cells[columns++] = i == 0                    ? tid
                                   : i + 1 == THREAD_COLUMNS ? note + (note[0] == ' ')
                                                             : text_of(thread, keys[i]);
        table_row(table, cells);
    }
    fputc('\n', to);
    table_print(to, table);
}

static void print_events(FILE *to, const json_t *report)
{
    static const char *const headings[] = {"MS", "TID", "EVENT", "RULE", "VALUE", "OUTCOME", "REASON", "TEXT"};
    struct table *table = table_new(headings, 8);
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(report, "events"), index, event) {
        char ms[32], tid[24], value[24];
        snprintf(ms, sizeof(ms), "%.3f", json_number_value(json_object_get(event, "ms")));
        snprintf(tid, sizeof(tid), "%lld", number_of(event, "tid"));
        snprintf(value, sizeof(value), "%lld", number_of(event, "value"));
        if (json_is_null(json_object_get(event, "value")))
            *value = '\0';
        const char *const cells[] = {ms,
                                     tid,
                                     text_of(event, "kind"),
                                     text_of(event, "rule"),
                                     value,
                                     text_of(event, "outcome"),
                                     text_of(event, "reason"),
                                     text_of(event, "text")};
        table_row(table, cells);
    }
    fputc('\n', to);
    table_print(to, table);
}

void report_text(FILE *to, const json_t *report, enum report_depth depth)
{
    json_t *shown = json_printable(report);
    print_process(to, shown);
    print_rules(to, shown);
    if (depth >= REPORT_THREADS)
        print_threads(to, shown);
    report_arenas_text(to, shown);
    report_accesses_text(to, shown);
    report_mappings_text(to, shown);
    report_pools_text(to, shown);
    report_exchanges_text(to, shown);
    report_pages_text(to, shown);
    if (depth == REPORT_FULL)
        report_verdict_text(to, shown);
    if (depth >= REPORT_FULL)
        print_events(to, shown);
    json_decref(shown);
}
