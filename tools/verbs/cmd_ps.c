#include <pwd.h>
#include <time.h>
#include <unistd.h>

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/prepare/options.h"
#include "tools/report/process_tree.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/stale.h"
#include "tools/verbs/verbs.h"

const char ps_help[] = HELP_WIDE HELP_JSON;

struct listing {
    json_t *processes;
    bool json;
};

/* Seconds since it was started; below 0: it is gone. */
static double age_of(pid_t pid)
{
    struct timespec now;
    uint64_t ticks = process_start_ticks(pid);
    clock_gettime(CLOCK_BOOTTIME, &now);
    double age = (double)now.tv_sec - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return !ticks ? -1 : age > 0 ? age : 0;
}

/* What the kernel says beside what the process tells: its parent, user, age and title. */
static void add_kernel_facts(json_t *process, pid_t pid, uid_t user)
{
    char title[TITLE_MOST];
    const struct passwd *entry = getpwuid(user);
    double age = age_of(pid);
    process_title(pid, title, sizeof(title));
    json_object_set_new(process, "ppid", json_integer(process_parent(pid)));
    json_object_set_new(process, "user", entry ? json_any_text(entry->pw_name) : json_null());
    json_object_set_new(process, "seconds", age >= 0 ? json_integer((json_int_t)age) : json_null());
    json_object_set_new(process, "title", json_any_text(title));
}

/* It is governed, and what it tells stays in its memory, which the kernel does not show to this user. */
static void add_unreadable(struct listing *listing, const struct segment_file *file)
{
    char path[64], comm[64], why[128];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)file->pid);
    read_line(path, comm, sizeof(comm));
    snprintf(why, sizeof(why), "no telemetry: %s", segment_missing(file));
    json_t *process = json_pack("{s:i, s:o, s:I, s:i, s:i, s:i, s:i, s:s, s:s}", "pid", (int)file->pid, "comm",
                                json_any_text(comm), "uid", (json_int_t)file->user, "threads", 0, "strict", 0,
                                "best_effort", 0, "none", 0, "state", "governed", "policy", why);
    add_kernel_facts(process, file->pid, file->user);
    json_array_append_new(listing->processes, process);
}

static void count_threads(const struct snapshot *snapshot, unsigned ret_counts[OUTCOME_COUNT], unsigned *ret_live)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct segment_thread *thread = &snapshot->threads[i];
        if (thread->state != THREAD_LIVE)
            continue;
        (*ret_live)++;
        if (thread->cpu_outcome < OUTCOME_COUNT)
            ret_counts[thread->cpu_outcome]++;
    }
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
    unsigned counts[OUTCOME_COUNT] = {0}, live = 0;
    count_threads(&snapshot, counts, &live);
    json_t *process =
        json_pack("{s:i, s:o, s:I, s:I, s:i, s:i, s:i, s:s, s:o}", "pid", (int)snapshot.header.pid, "comm",
                  json_any_text(snapshot.header.comm), "uid", (json_int_t)snapshot.header.uid, "threads",
                  (json_int_t)live + snapshot.header.threads_unlisted, "strict", (int)counts[OUTCOME_STRICT],
                  "best_effort", (int)counts[OUTCOME_BEST_EFFORT], "none", (int)counts[OUTCOME_NONE], "state",
                  state_of(&snapshot), "policy", json_any_text(snapshot_policy(&snapshot)));
    add_kernel_facts(process, file->pid, snapshot.header.uid);
    if (snapshot.watcher)
        json_object_set_new(process, "watcher", json_integer(snapshot.watcher));
    json_array_append_new(listing->processes, process);
    snapshot_free(&snapshot);
}

int cmd_ps(int argc, char **argv)
{
    struct listing listing = {0};
    if (take_view_options("ps", argc, argv, &listing.json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    if (optind < argc)
        return usage_error("ps", "unexpected argument \"%s\"", argv[optind]);
    listing.processes = json_array();
    stale_sweep();
    if (segment_each(add_process, &listing) < 0)
        print_error("out of memory");
    if (listing.json)
        return finish_output(print_json(stdout, listing.processes));
    process_tree_print(stdout, listing.processes);
    json_decref(listing.processes);
    return finish_output(EXIT_OK);
}
