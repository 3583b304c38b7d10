#include "tools/apply/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "policy/reason.h"
#include "tools/apply/placing.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"

#define APPLY_VERSION 1

/* --- what is missing --- */

static bool any_arena(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].arena != ARENA_OFF)
            return true;
    return false;
}

/* What of the policy only the preloaded library does: an array of texts, empty where there is nothing. */
static json_t *not_from_outside(const struct told *told)
{
    const struct plan_header *header = told->plan->header;
    const struct {
        bool is_asked;
        const char *text;
    } all[] = {
        {header->features & (PLAN_NEEDS_LIBRARIES | PLAN_NEEDS_FUNCTIONS | PLAN_NEEDS_CALLSTACK),
         "conditions on start routines, creators and call stacks (none holds)"},
        {any_arena(told->plan), "arenas"},
        {header->features & PLAN_HAS_MEMPOLICY, "memory policies of threads"},
        {header->features & PLAN_HAS_STACKS, "stacks"},
        {header->features & PLAN_HAS_NEXT_TOUCH, "next touch"},
        {header->features & PLAN_HAS_MAPPING_RULES, "mapping rules"},
        {header->features & PLAN_HAS_RENAME, "names of threads"},
        {header->features & (PLAN_HAS_STEAL | PLAN_HAS_SHARING), "moving threads by load and use"},
        {header->process_shares > 0, "shares of processes"},
        {header->cpu_report != CPUS_HOST, "the number of CPUs that the program is told"},
        {header->at_exit != AT_EXIT_OFF, "the report at the end"},
    };
    json_t *missing = json_array();
    for (size_t i = 0; i < sizeof(all) / sizeof(*all) && !told->is_bare; i++)
        if (all[i].is_asked)
            json_array_append_new(missing, json_string(all[i].text));
    return missing;
}

/* --- the document --- */

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

static json_t *process_json(const struct target *target, const struct moving *memory)
{
    return json_pack("{s:i, s:o, s:o, s:b, s:i, s:o}", "pid", (int)target->pid, "comm", json_any_text(target->comm),
                     "exe", json_any_text(target->exe), "ended", target->ended, "threads", (int)target->count, "memory",
                     memory_json(memory));
}

json_t *tell_document(const struct told *told, bool only_changed)
{
    json_t *threads = json_array(), *processes = json_array();
    bool as_asked = true;
    for (size_t i = 0; i < told->count; i++) {
        struct target *target = &told->targets[i];
        struct moving *memory = &told->memory[i];
        as_asked = as_asked && memory->error == 0;
        if (!only_changed || memory->changed || (target->ended && !target->told_end))
            json_array_append_new(processes, process_json(target, memory));
        memory->changed = false;
        target->told_end = target->ended;
        for (size_t j = 0; j < target->count; j++) {
            struct target_thread *thread = &target->threads[j];
            as_asked = as_asked && placing_is_as_asked(thread);
            if (!only_changed || thread->changed)
                json_array_append_new(threads, thread_json(told, target, thread));
            thread->changed = false;
        }
    }
    return json_pack("{s:i, s:o, s:b, s:b, s:o, s:o, s:o}", "nodewise_apply", APPLY_VERSION, "policy",
                     json_any_text(told->policy), "dry_run", told->dry_run, "as_asked", as_asked, "not_from_outside",
                     not_from_outside(told), "processes", processes, "threads", threads);
}

/* --- text --- */

static void print_missing(const json_t *document)
{
    size_t index;
    json_t *text, *missing = json_object_get(document, "not_from_outside");
    if (json_array_size(missing) == 0)
        return;
    fputs("nodewise: from outside threads get their CPUs; what only the preloaded library does is left out: ", stderr);
    json_array_foreach(missing, index, text)
        fprintf(stderr, "%s%s", index ? ", " : "", json_string_value(text));
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
