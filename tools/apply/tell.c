#include "tools/apply/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/prepare/left_out.h"

#define APPLY_VERSION 1

/* --- the document --- */

/* CPUs alone leave nothing out. */
static json_t *not_from_outside(const struct told *told)
{
    return told->is_bare ? json_array() : left_out_json(told->plan);
}

static const char *word_for(const struct target_thread *thread, bool dry_run)
{
    return dry_run && thread->outcome != OUTCOME_NOT_ASKED ? "planned" : outcome_word(thread->outcome);
}

static json_t *cpus_json(const struct cpuset *cpus)
{
    char *text = cpuset_to_string(cpus);
    json_t *value = json_string(text ? text : "");
    free(text);
    return value;
}

static const char *rule_of(const struct plan_view *plan, const struct target_thread *thread)
{
    if (thread->rule != PLAN_NONE)
        return plan_text(plan, plan->rules[thread->rule].name);
    return thread->main ? "(union)" : "(base)";
}

static json_t *thread_json(const struct told *told, const struct target *target, const struct target_thread *thread)
{
    const struct cpuset *now = cpuset_is_empty(&thread->got) ? &thread->now : &thread->got;
    return json_pack("{s:i, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:s, s:s}", "pid", (int)target->pid, "tid",
                     (int)thread->tid, "name", json_any_text(thread->name), "main", thread->main, "rule",
                     json_any_text(rule_of(told->plan, thread)), "asked", cpus_json(&thread->asked), "before",
                     cpus_json(&thread->before), "now", cpus_json(now), "outcome", word_for(thread, told->dry_run),
                     "reason", thread->reason == REASON_OK ? "" : reason_word(thread->reason));
}

/* Null where none was to be moved. */
static json_t *memory_json(const struct moving *memory)
{
    if (cpuset_is_empty(&memory->nodes))
        return json_null();
    return json_pack("{s:o, s:b, s:I, s:I, s:I, s:s}", "nodes", cpus_json(&memory->nodes), "interleaved",
                     memory->interleaves, "moved_bytes", (json_int_t)memory->moved, "staying_bytes",
                     (json_int_t)memory->stays, "left_bytes", (json_int_t)memory->left, "reason",
                     memory->reason == REASON_OK ? "" : reason_word(memory->reason));
}

static json_t *process_json(const struct governed *governed)
{
    const struct target *target = &governed->target;
    return json_pack("{s:i, s:o, s:o, s:b, s:b, s:i, s:o}", "pid", (int)target->pid, "comm",
                     json_any_text(target->comm), "exe", json_any_text(target->exe), "child", governed->is_child,
                     "ended", target->ended, "threads", (int)target->count, "memory", memory_json(&governed->memory));
}

json_t *tell_document(const struct told *told, bool only_changed)
{
    json_t *threads = json_array(), *processes = json_array();
    for (size_t i = 0; i < told->session->count; i++) {
        const struct governed *governed = told->session->processes[i];
        const struct target *target = &governed->target;
        if (governed->is_left_alone)
            continue;
        if (!only_changed || !governed->is_told || governed->memory.changed || (target->ended && !target->told_end))
            json_array_append_new(processes, process_json(governed));
        for (size_t j = 0; j < target->count; j++)
            if (!only_changed || target->threads[j].changed)
                json_array_append_new(threads, thread_json(told, target, &target->threads[j]));
    }
    bool as_asked = session_is_as_asked(told->session);
    session_forget_news(told->session);
    return json_pack("{s:i, s:o, s:b, s:b, s:o, s:o, s:o}", "nodewise_apply", APPLY_VERSION, "policy",
                     json_any_text(told->policy), "dry_run", told->dry_run, "as_asked", as_asked, "not_from_outside",
                     not_from_outside(told), "processes", processes, "threads", threads);
}

/* --- text --- */

static void print_missing(const json_t *document)
{
    const json_t *missing = json_object_get(document, "not_from_outside");
    if (json_array_size(missing) == 0)
        return;
    fputs("nodewise: from outside threads get their CPUs; what only the preloaded library does is left out: ", stderr);
    left_out_text(stderr, missing);
    fputs(" (`nodewise run` has it)\n", stderr);
}

static void print_bytes(const json_t *memory, const char *key, const char *text)
{
    char bytes[32];
    size_text((uint64_t)number_of(memory, key), bytes, sizeof(bytes));
    if (number_of(memory, key) > 0)
        printf(", %s %s", bytes, text);
}

/* "4711 nginx: memory to node 1, 12.0 MiB moved, 3.0 MiB left: budget". */
static void print_memory(const json_t *document)
{
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(document, "processes"), index, row) {
        const json_t *memory = json_object_get(row, "memory");
        const char *reason = text_of(memory, "reason");
        if (!json_is_object(memory) || truth_of(row, "ended"))
            continue;
        printf("%lld %s: memory to nodes %s", number_of(row, "pid"), printable(text_of(row, "comm")),
               text_of(memory, "nodes"));
        print_bytes(memory, "moved_bytes", "moved");
        print_bytes(memory, "staying_bytes", "could not be moved");
        print_bytes(memory, "left_bytes", "left");
        printf("%s%s\n", *reason ? ": " : "", reason);
    }
}

void tell_text(const json_t *document)
{
    static const char *const headings[] = {"PID", "TID", "THREAD", "RULE", "ASKED", "NOW", "OUTCOME", "REASON"};
    static const char *const keys[] = {"pid", "tid", "name", "rule", "asked", "now", "outcome", "reason"};
    const json_t *threads = json_object_get(document, "threads");
    print_missing(document);
    rows_print(stdout, threads, headings, keys, 8);
    print_memory(document);
    if (truth_of(document, "dry_run"))
        puts("nothing was changed");
    else
        puts(truth_of(document, "as_asked") ? "as asked" : "not as asked");
}

void tell_changes(const json_t *document)
{
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(document, "threads"), index, row) {
        const char *reason = text_of(row, "reason");
        printf("%lld/%lld %s: %s, CPUs %s, %s%s%s\n", number_of(row, "pid"), number_of(row, "tid"),
               printable(text_of(row, "name")), printable(text_of(row, "rule")), text_of(row, "now"),
               text_of(row, "outcome"), *reason ? ", " : "", reason);
    }
    print_memory(document);
    json_array_foreach(json_object_get(document, "processes"), index, row)
        if (truth_of(row, "ended"))
            printf("%lld %s: ended\n", number_of(row, "pid"), printable(text_of(row, "comm")));
}
