#include "tools/report/tried_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/json_text.h"
#include "policy/match.h"
#include "tools/common/process.h"
#include "tools/prepare/condition_text.h"

static const char *known(const char *text)
{
    return *text ? text : NULL;
}

static struct thread_facts facts_of(const struct snapshot *snapshot, const struct segment_thread *thread,
                                    const struct process_facts *process)
{
    bool named = thread->flags & THREAD_FLAG_NAMED;
    return (struct thread_facts){
        .name = thread->name,
        .unnamed = !named && !(thread->flags & THREAD_FLAG_MAIN),
        .main = thread->flags & THREAD_FLAG_MAIN,
        .index = thread->index,
        .start_library = known(snapshot_string(snapshot, thread->start_library)),
        .start_function = known(snapshot_string(snapshot, thread->start_function)),
        .creator_library = known(snapshot_string(snapshot, thread->creator_library)),
        .creator_function = known(snapshot_string(snapshot, thread->creator_function)),
        .process = process,
    };
}

static json_t *text_or_null(const char *text)
{
    return text ? json_any_text(text) : json_null();
}

/* What the thread has where the condition asks. */
static json_t *value_of(unsigned key, const struct thread_facts *facts)
{
    switch (key) {
    case PLAN_KEY_THREAD:
        return facts->unnamed ? json_null() : text_or_null(facts->name);
    case PLAN_KEY_UNNAMED:
        return json_boolean(facts->unnamed);
    case PLAN_KEY_MAIN:
        return json_boolean(facts->main);
    case PLAN_KEY_INDEX:
        return json_integer(facts->index);
    case PLAN_KEY_START_LIBRARY:
        return text_or_null(facts->start_library);
    case PLAN_KEY_START_FUNCTION:
        return text_or_null(facts->start_function);
    case PLAN_KEY_CREATOR_LIBRARY:
        return text_or_null(facts->creator_library);
    case PLAN_KEY_CREATOR_FUNCTION:
        return text_or_null(facts->creator_function);
    case PLAN_KEY_PROCESS_EXE:
        return text_or_null(facts->process->exe);
    case PLAN_KEY_PROCESS_COMM:
        return text_or_null(facts->process->comm);
    case PLAN_KEY_PROCESS_ARGV:
        return text_or_null(facts->process->argv);
    case PLAN_KEY_FORKED:
        return json_boolean(facts->process->forked);
    default: /* stacks, the parent and the process's number are not written down */
        return json_null();
    }
}

static json_t *owned_text(char *text)
{
    json_t *value = json_any_text(text ? text : "");
    free(text);
    return value;
}

json_t *tried_rules(const struct snapshot *snapshot, const struct segment_thread *thread)
{
    char title[TITLE_MOST];
    json_t *tried = json_array();
    struct process_facts process = {.exe = snapshot->header.exe,
                                    .comm = snapshot->header.comm,
                                    .argv = title,
                                    .index = PLAN_NONE,
                                    .uid = snapshot->header.uid,
                                    .forked = snapshot->header.forked};
    struct thread_facts facts = facts_of(snapshot, thread, &process);
    process_title((pid_t)snapshot->header.pid, title, sizeof(title));
    for (uint32_t i = 0; snapshot->has_plan && i < snapshot->plan.count[PLAN_RULES]; i++) {
        const struct plan_rule *rule = &snapshot->plan.rules[i];
        const struct plan_condition *failed = NULL;
        bool taken = i == thread->rule, matches = match_one(&snapshot->plan, i, &facts, &failed);
        const char *verdict = taken ? "taken" : matches ? "matches now" : "no";
        json_t *entry =
            json_pack("{s:o, s:o, s:s}", "rule", json_any_text(plan_text(&snapshot->plan, rule->name)), "origin",
                      json_any_text(plan_text(&snapshot->plan, rule->origin)), "verdict", verdict);
        if (!taken && !matches)
            json_object_set_new(entry, "failed", json_string(plan_key_word(failed ? failed->key : PLAN_KEY_MAIN)));
        if (!taken && !matches && failed) {
            json_object_set_new(entry, "wanted", owned_text(condition_text(&snapshot->plan, failed)));
            json_object_set_new(entry, "value", value_of(failed->key, &facts));
        }
        json_array_append_new(tried, entry);
        if (taken)
            break;
    }
    return tried;
}
