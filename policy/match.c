#include "policy/match.h"

#include <string.h>

static const char *const key_words[PLAN_KEY_COUNT] = {
    [PLAN_KEY_THREAD] = "thread",
    [PLAN_KEY_UNNAMED] = "unnamed",
    [PLAN_KEY_MAIN] = "main",
    [PLAN_KEY_INDEX] = "index",
    [PLAN_KEY_START_LIBRARY] = "start_library",
    [PLAN_KEY_START_FUNCTION] = "start_function",
    [PLAN_KEY_CREATOR_LIBRARY] = "creator_library",
    [PLAN_KEY_CREATOR_FUNCTION] = "creator_function",
    [PLAN_KEY_STACK_LIBRARY] = "stack_library",
    [PLAN_KEY_STACK_FUNCTION] = "stack_function",
    [PLAN_KEY_PROCESS_EXE] = "process_exe",
    [PLAN_KEY_PROCESS_COMM] = "process_comm",
    [PLAN_KEY_PROCESS_ARGV] = "process_argv",
    [PLAN_KEY_PARENT_COMM] = "parent_comm",
    [PLAN_KEY_PROCESS_INDEX] = "process_index",
    [PLAN_KEY_FORKED] = "forked",
    [PLAN_KEY_USER] = "user",
};

const char *plan_key_word(unsigned key)
{
    return key < PLAN_KEY_COUNT ? key_words[key] : "?";
}

const char *plan_target_word(unsigned key)
{
    static const char prefix[] = "process_";
    const char *word = plan_key_word(key);
    return strncmp(word, prefix, sizeof(prefix) - 1) == 0 ? word + sizeof(prefix) - 1 : word;
}

bool match_text(const struct plan_view *plan, const struct plan_condition *condition, const char *text)
{
    if (!text)
        return false;
    for (uint32_t i = 0; i < condition->count; i++)
        if (glob_match(plan_text(plan, plan->patterns[condition->first + i]), text))
            return true;
    return false;
}

bool match_path(const struct plan_view *plan, const struct plan_condition *condition, const char *path)
{
    if (!path)
        return false;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    for (uint32_t i = 0; i < condition->count; i++) {
        const char *pattern = plan_text(plan, plan->patterns[condition->first + i]);
        if (glob_match(pattern, strchr(pattern, '/') ? path : base))
            return true;
    }
    return false;
}

static bool any_range(const struct plan_view *plan, const struct plan_condition *condition, uint32_t value)
{
    for (uint32_t i = 0; i < condition->count; i++) {
        const struct plan_range *range = &plan->ranges[condition->first + i];
        if (range->first <= value && value <= range->last)
            return true;
    }
    return false;
}

static bool process_condition_holds(const struct plan_view *plan, const struct plan_condition *condition,
                                    const struct process_facts *process)
{
    switch (condition->key) {
    case PLAN_KEY_PROCESS_EXE:
        return match_path(plan, condition, process->exe) || match_path(plan, condition, process->exe_link);
    case PLAN_KEY_PROCESS_COMM:
        return match_text(plan, condition, process->comm);
    case PLAN_KEY_PROCESS_ARGV:
        return match_text(plan, condition, process->argv);
    case PLAN_KEY_PARENT_COMM:
        return match_text(plan, condition, process->parent_comm);
    case PLAN_KEY_PROCESS_INDEX:
        return process->index != PLAN_NONE && any_range(plan, condition, process->index);
    case PLAN_KEY_FORKED:
        return process->forked == (condition->value != 0);
    case PLAN_KEY_USER:
        return any_range(plan, condition, process->uid);
    default:
        return false;
    }
}

static bool any_frame(const struct plan_view *plan, const struct plan_condition *condition, const char *const *frames,
                      uint32_t count, bool paths)
{
    for (uint32_t i = 0; i < count && i < FACTS_MAX_FRAMES; i++)
        if (paths ? match_path(plan, condition, frames[i]) : match_text(plan, condition, frames[i]))
            return true;
    return false;
}

static bool condition_holds(const struct plan_view *plan, const struct plan_condition *condition,
                            const struct thread_facts *facts)
{
    switch (condition->key) {
    case PLAN_KEY_THREAD:
        return !facts->unnamed && match_text(plan, condition, facts->name);
    case PLAN_KEY_UNNAMED:
        return facts->unnamed == (condition->value != 0);
    case PLAN_KEY_MAIN:
        return facts->main == (condition->value != 0);
    case PLAN_KEY_INDEX:
        return any_range(plan, condition, facts->index);
    case PLAN_KEY_START_LIBRARY:
        return match_path(plan, condition, facts->start_library);
    case PLAN_KEY_START_FUNCTION:
        return match_text(plan, condition, facts->start_function);
    case PLAN_KEY_CREATOR_LIBRARY:
        return match_path(plan, condition, facts->creator_library);
    case PLAN_KEY_CREATOR_FUNCTION:
        return match_text(plan, condition, facts->creator_function);
    case PLAN_KEY_STACK_LIBRARY:
        return any_frame(plan, condition, facts->stack_library, facts->frames, true);
    case PLAN_KEY_STACK_FUNCTION:
        return any_frame(plan, condition, facts->stack_function, facts->frames, false);
    default:
        return facts->process && process_condition_holds(plan, condition, facts->process);
    }
}

/* Does the condition speak of the main thread, so that its clause may take it away from the union mask. */
static bool names_main(const struct plan_condition *condition)
{
    switch (condition->key) {
    case PLAN_KEY_MAIN:
    case PLAN_KEY_FORKED:
        return condition->value != 0;
    case PLAN_KEY_THREAD:
    case PLAN_KEY_PROCESS_EXE:
    case PLAN_KEY_PROCESS_COMM:
    case PLAN_KEY_PROCESS_ARGV:
    case PLAN_KEY_PARENT_COMM:
    case PLAN_KEY_PROCESS_INDEX:
        return true;
    default:
        return false;
    }
}

/* On false *ret_failed is what failed, NULL: it does not name main; and *ret_held how many conditions held before it. */
static bool clause_holds(const struct plan_view *plan, const struct plan_clause *clause,
                         const struct thread_facts *facts, const struct plan_condition **ret_failed, uint32_t *ret_held)
{
    bool takes_main = false;
    for (uint32_t i = 0; i < clause->condition_count; i++) {
        const struct plan_condition *condition = &plan->conditions[clause->condition_first + i];
        if (!condition_holds(plan, condition, facts)) {
            *ret_failed = condition;
            *ret_held = i;
            return false;
        }
        takes_main = takes_main || names_main(condition);
    }
    if (facts->main && !takes_main) {
        *ret_failed = NULL;
        *ret_held = clause->condition_count;
        return false;
    }
    return true;
}

bool match_one(const struct plan_view *plan, uint32_t rule_index, const struct thread_facts *facts,
               const struct plan_condition **ret_failed)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    const struct plan_condition *failed = NULL;
    uint32_t most_held = 0;
    if ((rule->flags & PLAN_RULE_CATCH_ALL) && !facts->main)
        return true;
    for (uint32_t i = 0; i < rule->clause_count; i++) {
        const struct plan_condition *condition = NULL;
        uint32_t held = 0;
        if (clause_holds(plan, &plan->clauses[rule->clause_first + i], facts, &condition, &held))
            return true;
        if (i == 0 || held > most_held) {
            failed = condition;
            most_held = held;
        }
    }
    if (ret_failed)
        *ret_failed = failed;
    return false;
}

uint32_t match_rule(const struct plan_view *plan, const struct thread_facts *facts)
{
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (match_one(plan, i, facts, NULL))
            return i;
    return PLAN_NONE;
}

bool match_target(const struct plan_view *plan, const struct process_facts *facts, uint32_t *ret_key)
{
    for (uint32_t i = 0; i < plan->count[PLAN_TARGETS]; i++) {
        const struct plan_condition *condition = &plan->targets[i].condition;
        if (process_condition_holds(plan, condition, facts))
            continue;
        if (ret_key)
            *ret_key = condition->key;
        return false;
    }
    return true;
}
