#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/stale.h"
#include "tools/verbs/verbs.h"

struct listing {
    json_t *processes;
    bool json;
};

/* It is governed, and what it tells stays in its memory, which the kernel does not show to this user. */
static void add_unreadable(struct listing *listing, const struct segment_file *file)
{
    char path[64], comm[64], why[128];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)file->pid);
    read_line(path, comm, sizeof(comm));
    snprintf(why, sizeof(why), "no telemetry: %s", segment_missing(file));
    json_array_append_new(listing->processes,
                          json_pack("{s:i, s:o, s:I, s:i, s:i, s:i, s:i, s:s, s:s}", "pid", (int)file->pid, "comm",
                                    json_any_text(comm), "uid", (json_int_t)file->user, "threads", 0, "strict", 0,
                                    "best_effort", 0, "none", 0, "state", "governed", "policy", why));
}

static const char *state_of(const struct snapshot *snapshot)
{
    if (snapshot->from_outside)
        return snapshot->watcher ? "watched" : "outside";
    return snapshot->header.state == SEGMENT_STOPPED ? "stopped" : "active";
}

static void add_process(void *context, const struct segment_file *file)
{
    struct listing *listing = context;
    struct snapshot snapshot;
    if (snapshot_read(&snapshot, file) < 0) {
        if (file->in_memory && file->fd < 0)
            add_unreadable(listing, file);
        return; /* another user's, or gone since the folder was read */
    }
    if (!snapshot.alive) {
        snapshot_free(&snapshot);
        return;
    }
    unsigned long long live = 0, strict = 0, best = 0, none = 0;
    for (size_t i = 0; i < snapshot.rule_count; i++) {
        strict += snapshot.rules[i].strict;
        best += snapshot.rules[i].best_effort;
        none += snapshot.rules[i].none;
    }
    for (size_t i = 0; i < snapshot.thread_count; i++)
        live += snapshot.threads[i].state == THREAD_LIVE;
    json_t *process = json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "pid", (int)snapshot.header.pid,
                                "comm", json_any_text(snapshot.header.comm), "uid", (json_int_t)snapshot.header.uid,
                                "threads", (json_int_t)(live + snapshot.header.threads_unlisted), "strict",
                                (json_int_t)strict, "best_effort", (json_int_t)best, "none", (json_int_t)none, "state",
                                state_of(&snapshot), "policy", json_any_text(snapshot_policy(&snapshot)));
    if (snapshot.watcher)
        json_object_set_new(process, "watcher", json_integer(snapshot.watcher));
    json_array_append_new(listing->processes, process);
    snapshot_free(&snapshot);
}

static void print_listing(const json_t *processes)
{
    static const char *const headings[] = {"PID",  "UID",  "COMM",  "THREADS", "STRICT",
                                           "BEST", "NONE", "STATE", "POLICY"};
    static const char *const keys[] = {"pid", "uid", "threads", "strict", "best_effort", "none"};
    struct table *table = table_new(headings, 9);
    size_t index;
    json_t *process;
    json_array_foreach(processes, index, process) {
        char numbers[6][24];
        for (size_t i = 0; i < 6; i++)
            snprintf(numbers[i], sizeof(numbers[i]), "%lld", number_of(process, keys[i]));
        const char *const cells[] = {numbers[0],
                                     numbers[1],
                                     text_of(process, "comm"),
                                     numbers[2],
                                     numbers[3],
                                     numbers[4],
                                     numbers[5],
                                     text_of(process, "state"),
                                     text_of(process, "policy")};
        table_row(table, cells);
    }
    table_print(stdout, table);
}

int cmd_ps(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_JSON, {0}};
    struct policy_options unused = {0};
    struct listing listing = {.processes = json_array()};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take_policy_option(&unused, option, &listing.json))
            return option_error("ps", argv, long_options);
    if (optind < argc)
        return usage_error("ps", "unexpected argument \"%s\"", argv[optind]);
    stale_sweep();
    if (segment_each(add_process, &listing) < 0)
        print_error("out of memory");
    if (listing.json)
        return finish_output(print_json(stdout, listing.processes));
    print_listing(listing.processes);
    json_decref(listing.processes);
    return finish_output(EXIT_OK);
}
