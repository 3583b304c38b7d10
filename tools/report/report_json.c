#include "tools/report/report_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/json_text.h"
#include "policy/reason.h"
#include "tools/common/process.h"
#include "tools/picture/machine_json.h"
#include "tools/prepare/left_out.h"
#include "tools/prepare/plan_view.h"
#include "tools/report/not_adopted.h"
#include "tools/report/report_accesses.h"
#include "tools/report/report_arenas.h"
#include "tools/report/report_exchanges.h"
#include "tools/report/report_mappings.h"
#include "tools/report/report_pools.h"
#include "tools/report/report_values.h"
#include "tools/report/report_verdict.h"

/* The CPUs of a plain bit array. */
static json_t *bits_json(const uint64_t *bits, size_t words)
{
    struct cpuset set = {(uint64_t *)(uintptr_t)bits, words};
    return report_owned_text(cpuset_to_string(&set));
}

static json_t *mask_json(const struct snapshot *snapshot, uint32_t mask)
{
    return snapshot->has_plan ? report_owned_text(plan_mask_text(&snapshot->plan, mask)) : json_null();
}

static bool rule_is_known(const struct snapshot *snapshot, uint32_t rule)
{
    return snapshot->has_plan && rule < snapshot->plan.count[PLAN_RULES];
}

static json_t *time_json(uint64_t nanoseconds)
{
    char text[40] = "";
    time_t seconds = (time_t)(nanoseconds / 1000000000u);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static const char *state_word(const struct snapshot *snapshot)
{
    static const char *const words[] = {[SEGMENT_STARTING] = "starting",
                                        [SEGMENT_ACTIVE] = "active",
                                        [SEGMENT_STOPPED] = "stopped",
                                        [SEGMENT_ENDED] = "ended"};
    if (!snapshot->alive)
        return "ended";
    return snapshot->header.state <= SEGMENT_ENDED ? words[snapshot->header.state] : "unknown";
}

static json_t *following_json(const struct segment_header *h)
{
    static const char *const words[SEGMENT_KEPT] = {
        [KEPT_SHARED] = "shared", [KEPT_NODE_FULL] = "node_full", [KEPT_IN_USE] = "in_use", [KEPT_REFUSED] = "refused"};
    json_t *kept = json_object();
    for (unsigned i = 0; i < SEGMENT_KEPT; i++)
        json_object_set_new(kept, words[i], json_integer((json_int_t)h->not_moved[i]));
    return json_pack("{s:b, s:s, s:I, s:I, s:o}", "active", h->following != 0, "reason", reason_word(h->follow_reason),
                     "bytes_moved", (json_int_t)h->bytes_moved, "bytes_not_moved", (json_int_t)h->bytes_not_moved,
                     "not_moved", kept);
}

static json_t *process_json(const struct snapshot *snapshot)
{
    const struct segment_header *h = &snapshot->header;
    json_t *process = json_pack(
        "{s:i, s:i, s:o, s:o, s:i, s:b, s:s, s:s, s:o, s:f, s:o}", "pid", (int)h->pid, "ppid", (int)h->ppid, "comm",
        json_any_text(h->comm), "exe", json_any_text(h->exe), "uid", (int)h->uid, "forked", h->forked != 0, "state",
        state_word(snapshot), "state_reason", reason_word(h->state_reason), "started", time_json(h->start_realtime),
        "start_cost_us", (double)h->start_cost_ns / 1000, "base_cpus", bits_json(h->base_mask, h->base_mask_words));
    json_object_set_new(process, "threads_started", json_integer((json_int_t)h->threads_started));
    json_object_set_new(process, "threads_ended", json_integer((json_int_t)h->threads_ended));
    json_object_set_new(process, "threads_unlisted", json_integer((json_int_t)h->threads_unlisted));
    json_object_set_new(process, "renames", json_integer((json_int_t)h->renames));
    json_object_set_new(process, "kernel_refusals", json_integer((json_int_t)h->kernel_refusals));
    json_object_set_new(process, "following", following_json(h));
    if (snapshot->missing)
        json_object_set_new(process, "no_file", json_string(snapshot->missing));
    return process;
}

/* Who governs the process from outside, and what of the policy that leaves out. */
static json_t *outside_json(const struct snapshot *snapshot)
{
    bool is_whole = snapshot->outside.head.is_bare || !snapshot->has_plan;
    return json_pack("{s:o, s:o}", "watcher", snapshot->watcher ? json_integer(snapshot->watcher) : json_null(),
                     "left_out", is_whole ? json_array() : left_out_json(&snapshot->plan));
}

/* "" while it is readable. */
static const char *plan_reason(const struct snapshot *snapshot)
{
    if (snapshot->has_plan)
        return "";
    return snapshot->plan_error == -ESTALE ? "another plan has replaced it" : strerror(-snapshot->plan_error);
}

static json_t *plan_json(const struct snapshot *snapshot)
{
    return json_pack("{s:o, s:o, s:b, s:s}", "path", json_any_text(snapshot->header.plan_path), "policy",
                     json_any_text(snapshot_policy(snapshot)), "readable", snapshot->has_plan, "reason",
                     plan_reason(snapshot));
}

/* --- rules --- */

static json_t *steps_json(const struct segment_rule *counts)
{
    json_t *steps = json_object();
    for (unsigned step = STEP_FULL; step < STEP_COUNT; step++)
        json_object_set_new(steps, step_word(step), json_integer(counts->steps[step]));
    return steps;
}

static json_t *rule_json(const struct snapshot *snapshot, size_t index)
{
    const struct segment_rule *counts = &snapshot->rules[index];
    bool is_last = index + 1 == snapshot->rule_count;
    const struct plan_rule *rule =
        !is_last && rule_is_known(snapshot, (uint32_t)index) ? &snapshot->plan.rules[index] : NULL;
    json_t *value = json_object();
    json_object_set_new(value, "name", report_rule_name(snapshot, is_last ? 0xffff : (uint16_t)index));
    if (rule) {
        json_object_set_new(value, "origin", json_any_text(plan_text(&snapshot->plan, rule->origin)));
        json_object_set_new(value, "asked", json_any_text(plan_text(&snapshot->plan, rule->asked)));
        json_object_set_new(value, "cpus", mask_json(snapshot, rule->set_mask));
        json_object_set_new(value, "set_reason", json_string(reason_word(rule->set_reason)));
        json_object_set_new(value, "distribution", json_string(word_of(&words_distribution, rule->distribution)));
        json_object_set_new(value, "level", json_string(word_of(&words_level, rule->level)));
        json_object_set_new(value, "bind_to", json_string(word_of(&words_level, rule->bind_to)));
        json_object_set_new(value, "memory",
                            report_owned_text(plan_memory_text(&snapshot->plan, rule, rule->slot_first)));
    }
    json_object_set_new(value, "placed", json_integer((json_int_t)counts->placed));
    json_object_set_new(value, "live", json_integer(counts->live));
    json_object_set_new(value, "cpu",
                        json_pack("{s:i, s:i, s:i}", "strict", (int)counts->strict, "best_effort",
                                  (int)counts->best_effort, "none", (int)counts->none));
    json_object_set_new(value, "memory_outcomes",
                        json_pack("{s:i, s:i, s:i}", "strict", (int)counts->mem_strict, "best_effort",
                                  (int)counts->mem_best_effort, "none", (int)counts->mem_none));
    json_object_set_new(value, "steps", steps_json(counts));
    return value;
}

/* --- threads --- */

static json_t *asked_from_outside(const struct snapshot *snapshot, const struct segment_thread *thread)
{
    struct cpuset asked = CPUSET_EMPTY;
    outside_record_asked(&snapshot->outside, thread->tid, &asked);
    return report_owned_text(cpuset_to_string(&asked));
}

static json_t *asked_cpus(const struct snapshot *snapshot, const struct segment_thread *thread)
{
    if (snapshot->from_outside)
        return asked_from_outside(snapshot, thread);
    if (thread->slot != UINT32_MAX && snapshot->has_plan && thread->slot < snapshot->plan.count[PLAN_SLOTS])
        return mask_json(snapshot, snapshot->plan.slots[thread->slot].mask);
    if (thread->flags & THREAD_FLAG_UNION && snapshot->has_plan)
        return mask_json(snapshot, snapshot->plan.header->main_mask);
    return bits_json(snapshot->header.base_mask, snapshot->header.base_mask_words);
}

/*
 * What the kernel says of the thread: its CPUs, null where it does not tell. *ret_is_gone: it has ended, which the library
 * does not see of each thread: not of those that a raw exit(2) or the end of the process took.
 */
static json_t *cpus_now(const struct snapshot *snapshot, const struct segment_thread *thread, bool *ret_is_gone)
{
    struct cpuset now = CPUSET_EMPTY;
    json_t *value = json_null();
    int error = -ESRCH;
    if (snapshot->alive && thread->state == THREAD_LIVE)
        error = thread_cpus_now((pid_t)snapshot->header.pid, (pid_t)thread->tid, &now);
    if (error == 0)
        value = report_owned_text(cpuset_to_string(&now));
    *ret_is_gone = !snapshot->alive || (thread->state == THREAD_LIVE && error == -ESRCH);
    cpuset_free(&now);
    return value;
}

static const char *thread_state_word(const struct segment_thread *thread, bool is_gone)
{
    static const char *const words[] = {"free", "starting", "live", "ended"};
    return is_gone ? "ended" : thread->state < 4 ? words[thread->state] : "unknown";
}

static void add_text(json_t *object, const char *key, const char *text)
{
    if (*text)
        json_object_set_new(object, key, json_any_text(text));
}

static json_t *thread_json(const struct snapshot *snapshot, const struct segment_thread *thread)
{
    bool is_gone;
    json_t *now = cpus_now(snapshot, thread, &is_gone);
    json_t *value = json_pack(
        "{s:i, s:o, s:b, s:b, s:i, s:i, s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:s}", "tid", (int)thread->tid, "name",
        json_any_text(thread->name), "named", (thread->flags & THREAD_FLAG_NAMED) != 0, "main",
        (thread->flags & THREAD_FLAG_MAIN) != 0, "index", (int)thread->index, "creator", (int)thread->creator_tid,
        "state", thread_state_word(thread, is_gone), "rule", report_rule_name(snapshot, thread->rule), "why",
        reason_word(thread->why), "asked", asked_cpus(snapshot, thread), "now", now, "outcome",
        outcome_word(thread->cpu_outcome), "reason", reason_word(thread->cpu_reason), "memory_outcome",
        outcome_word(thread->mem_outcome), "memory_reason", reason_word(thread->mem_reason));
    json_object_set_new(value, "memory_policy", report_memory_policy(thread));
    json_object_set_new(value, "step", json_string(step_word(step_of(thread->cpu_outcome, thread->mem_outcome))));
    json_object_set_new(value, "union", json_boolean(thread->flags & THREAD_FLAG_UNION));
    json_object_set_new(value, "exclusive", json_boolean(thread->flags & THREAD_FLAG_CLAIMS));
    json_object_set_new(value, "renamed", json_boolean(thread->flags & THREAD_FLAG_RENAMED));
    json_object_set_new(value, "node", thread->home_node == UINT16_MAX ? json_null() : json_integer(thread->home_node));
    json_object_set_new(value, "stack_outcome", json_string(outcome_word(thread->stack_outcome)));
    json_object_set_new(value, "stack_reason", json_string(reason_word(thread->stack_reason)));
    json_object_set_new(value, "got_cpus", json_integer(thread->got_cpus));
    json_object_set_new(value, "born_ms", json_integer(thread->born_ms));
    add_text(value, "start_library", snapshot_string(snapshot, thread->start_library));
    add_text(value, "start_function", snapshot_string(snapshot, thread->start_function));
    add_text(value, "creator_library", snapshot_string(snapshot, thread->creator_library));
    add_text(value, "creator_function", snapshot_string(snapshot, thread->creator_function));
    return value;
}

/* --- events --- */

/* null: placed without a place of its rule. */
static json_t *event_value(const struct segment_event *event)
{
    return event->kind == EVENT_PLACED && event->value == PLAN_NONE ? json_null()
                                                                    : json_integer((json_int_t)event->value);
}

static json_t *event_json(const struct snapshot *snapshot, const struct segment_event *event)
{
    return json_pack("{s:I, s:f, s:i, s:s, s:o, s:o, s:s, s:s, s:o}", "number", (json_int_t)event->number, "ms",
                     (double)event->time_ns / 1e6, "tid", (int)event->tid, "kind", report_event_word(event->kind),
                     "rule", report_rule_name(snapshot, event->rule), "value", event_value(event), "outcome",
                     outcome_word(event->outcome), "reason", reason_word(event->reason), "text",
                     json_any_text(event->text));
}

json_t *report_json(const struct snapshot *snapshot)
{
    json_t *rules = json_array(), *threads = json_array(), *events = json_array();
    for (size_t i = 0; i < snapshot->rule_count; i++)
        json_array_append_new(rules, rule_json(snapshot, i));
    for (size_t i = 0; i < snapshot->thread_count; i++)
        json_array_append_new(threads, thread_json(snapshot, &snapshot->threads[i]));
    for (size_t i = 0; i < snapshot->event_count; i++)
        json_array_append_new(events, event_json(snapshot, &snapshot->events[i]));
    json_t *report =
        json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "nodewise_report", REPORT_VERSION, "process",
                  process_json(snapshot), "plan", plan_json(snapshot), "rules", rules, "threads", threads, "arenas",
                  report_arenas(snapshot), "mappings", report_mappings(snapshot), "events", events, "not_adopted",
                  not_adopted_threads(snapshot));
    if (report)
        json_object_set_new(report, "accesses", report_accesses(snapshot));
    if (report && snapshot->from_outside)
        json_object_set_new(report, "outside", outside_json(snapshot));
    if (report && snapshot->pool_count)
        json_object_set_new(report, "pools", report_pools(snapshot));
    if (report && snapshot->exchange_count)
        json_object_set_new(report, "exchanges", report_exchanges(snapshot));
    if (report && snapshot->has_plan)
        json_object_set_new(report, "machine", machine_json(&snapshot->plan));
    if (report)
        report_judge(report);
    return report;
}
