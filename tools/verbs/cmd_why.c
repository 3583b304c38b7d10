#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/memory_policy.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_view.h"
#include "tools/report/report_json.h"
#include "tools/report/tried_rules.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/targets.h"
#include "tools/verbs/verbs.h"

const char why_help[] = HELP_TARGETS HELP_JSON;

/* The whole decision about a thread, from its facts to what it has now. */

static json_t *events_of(const json_t *report, long long tid)
{
    json_t *events = json_array(), *event;
    size_t index;
    json_array_foreach(json_object_get(report, "events"), index, event) {
        if (number_of(event, "tid") == tid)
            json_array_append(events, event);
    }
    return events;
}

/* --- text --- */

static unsigned reason_number(const char *word)
{
    for (unsigned reason = 0; reason < REASON_COUNT; reason++)
        if (strcmp(reason_word(reason), word) == 0)
            return reason;
    return REASON_COUNT;
}

static void print_facts(const json_t *thread, const char *title)
{
    static const char *const keys[] = {"start_library", "start_function", "creator_library", "creator_function"};
    printf("facts    %s, %s, number %lld, made by thread %lld\n", truth_of(thread, "main") ? "main thread" : "not main",
           truth_of(thread, "named") ? "has a name of its own" : "no name of its own", number_of(thread, "index"),
           number_of(thread, "creator"));
    if (*title)
        printf("         title %s\n", title);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (*text_of(thread, keys[i]))
            printf("         %s %s\n", keys[i], text_of(thread, keys[i]));
}

/* "thread = "io_thd_*" does not fit "redis-server"". */
static void print_failed(const json_t *entry)
{
    const json_t *value = json_object_get(entry, "value");
    if (!*text_of(entry, "wanted")) {
        printf(": no, a rule takes the main thread only where it names it (main = true, its name, or its process)\n");
        return;
    }
    printf(": no, %s does not fit ", text_of(entry, "wanted"));
    if (json_is_string(value))
        printf("\"%s\"\n", json_string_value(value));
    else if (json_is_integer(value))
        printf("%lld\n", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        printf("%s\n", json_is_true(value) ? "true" : "false");
    else
        printf("what is not known\n");
}

static void print_tried(const json_t *tried)
{
    size_t index;
    json_t *entry;
    json_array_foreach(tried, index, entry) {
        printf("%-8s %s", index ? "" : "rules", text_of(entry, "rule"));
        if (*text_of(entry, "origin"))
            printf(" (%s)", text_of(entry, "origin"));
        if (*text_of(entry, "failed"))
            print_failed(entry);
        else
            printf(": %s\n", text_of(entry, "verdict"));
    }
}

static void print_outcome(const char *label, const char *outcome, const char *reason)
{
    printf("%-8s %s", label, outcome);
    if (strcmp(reason, "ok") != 0 && strcmp(reason, "not-asked") != 0)
        printf(" (%s): %s", reason, reason_text(reason_number(reason)));
    putchar('\n');
}

/* What was read back when the policy was set, and what the kernel says now. */
static void print_policy(const json_t *thread)
{
    const char *got = text_of(thread, "memory_policy");
    const json_t *now = json_object_get(thread, "memory_policy_now");
    if (!*got)
        return;
    printf("policy   %s read back", got);
    if (json_is_string(now))
        printf(", %s now%s", json_string_value(now),
               truth_of(thread, "memory_policy_drifted") ? "  <- differs from what was read back" : "");
    else if (now)
        printf(", not measured now");
    putchar('\n');
}

static void print_answer(const json_t *answer)
{
    const json_t *process = json_object_get(answer, "process"), *thread = json_object_get(answer, "thread");
    const json_t *tried = json_object_get(answer, "tried"), *events = json_object_get(answer, "events");
    const char *now = text_of(thread, "now"), *asked = text_of(thread, "asked");
    const char *memory = text_of(thread, "memory_asked");
    size_t index;
    json_t *event;
    printf("thread   %s (%lld) of %s (%lld)\n", text_of(thread, "name"), number_of(thread, "tid"),
           text_of(process, "comm"), number_of(process, "pid"));
    print_facts(thread, text_of(answer, "title"));
    print_tried(tried);
    printf("decision %s: %s\n", text_of(thread, "rule"), reason_text(reason_number(text_of(thread, "why"))));
    printf("asked    CPUs %s%s%s\n", asked, *memory ? ", memory " : "", memory);
    if (*now)
        printf("now      CPUs %s%s\n", now, strcmp(now, asked) ? "  <- differs from what was asked" : "");
    print_outcome("got", text_of(thread, "outcome"), text_of(thread, "reason"));
    print_outcome("memory", text_of(thread, "memory_outcome"), text_of(thread, "memory_reason"));
    print_policy(thread);
    printf("step     %s\n", text_of(thread, "step"));
    json_array_foreach(events, index, event)
        printf("%-8s %.1f ms %s %s %s\n", index ? "" : "events", json_number_value(json_object_get(event, "ms")),
               text_of(event, "kind"), text_of(event, "rule"), text_of(event, "text"));
}

/* ---- */

static const struct segment_thread *find_thread(const struct snapshot *snapshot, pid_t tid, size_t *ret_index)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct segment_thread *thread = &snapshot->threads[i];
        bool asked = tid ? thread->tid == (uint32_t)tid : (thread->flags & THREAD_FLAG_MAIN) != 0;
        if (!asked)
            continue;
        *ret_index = i;
        return thread;
    }
    return NULL;
}

/* What its rule says, or for a main thread without one what all rules do; not there where that is nothing. */
static void add_memory_asked(json_t *entry, const struct snapshot *snapshot, const struct segment_thread *thread)
{
    const struct plan_view *plan = &snapshot->plan;
    char *text = NULL;
    if (!snapshot->has_plan)
        return;
    if (thread->rule < plan->count[PLAN_RULES] && thread->slot < plan->count[PLAN_SLOTS])
        text = plan_memory_text(plan, &plan->rules[thread->rule], thread->slot);
    else if (thread->flags & THREAD_FLAG_MAIN)
        text = plan_main_memory_text(plan);
    if (text && strcmp(text, "default") != 0)
        json_object_set_new(entry, "memory_asked", json_string(text));
    free(text);
}

/* Beside what was read back: what the kernel says now; null where it does not tell. */
static void add_policy_now(json_t *entry, const struct snapshot *snapshot, const struct segment_thread *thread)
{
    char text[MEMORY_POLICY_TEXT];
    struct memory_policy now;
    if (!snapshot->alive || thread->state != THREAD_LIVE || thread->got_policy == GOT_NO_POLICY)
        return;
    int error = memory_policy_now(&now, (pid_t)snapshot->header.pid, (pid_t)thread->tid);
    if (error < 0) {
        json_object_set_new(entry, "memory_policy_now", json_null());
        return;
    }
    struct memory_policy got = memory_policy_of(thread->got_policy, thread->got_nodes, thread->got_more_nodes != 0);
    memory_policy_text(&now, text);
    json_object_set_new(entry, "memory_policy_now", json_string(text));
    json_object_set_new(entry, "memory_policy_drifted", json_boolean(!memory_policy_equal(&got, &now)));
}

/* One thread; of a whole process the main thread. */
static int answer(void *context, const struct target *target)
{
    const bool *json = context;
    struct snapshot snapshot;
    size_t index = 0;
    int status = snapshot_of(&snapshot, target->pid);
    if (status != EXIT_OK)
        return status;
    const struct segment_thread *thread = find_thread(&snapshot, target->tid, &index);
    if (!thread) {
        print_error("process %d has no thread %d that nodewise placed; `nodewise show %d` lists them", (int)target->pid,
                    (int)target->tid, (int)target->pid);
        snapshot_free(&snapshot);
        return EXIT_NO_PROCESS;
    }
    json_t *report = report_json(&snapshot), *tried = tried_rules(&snapshot, thread);
    json_t *entry = json_array_get(json_object_get(report, "threads"), index);
    add_memory_asked(entry, &snapshot, thread);
    add_policy_now(entry, &snapshot, thread);
    json_t *events = events_of(report, thread->tid);
    char title[TITLE_MOST];
    process_title(snapshot.alive ? target->pid : 0, title, sizeof(title));
    json_t *document =
        json_pack("{s:i, s:O, s:O, s:o, s:o, s:o}", "nodewise_why", 1, "process", json_object_get(report, "process"),
                  "thread", entry, "tried", tried, "events", events, "title", json_any_text(title));
    json_decref(report);
    if (*json) {
        status = print_json(stdout, document);
    } else {
        json_t *shown = json_printable(document);
        print_answer(shown);
        json_decref(shown);
        json_decref(document);
    }
    snapshot_free(&snapshot);
    return status;
}

int cmd_why(int argc, char **argv)
{
    bool json = false;
    if (take_only_json("why", argc, argv, &json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    return finish_output(targets_view("why", argv + optind, (size_t)(argc - optind), !json, answer, &json));
}
