#include "policy/reason.h"

#include <stdbool.h>

static const char *const words[] = {
#define REASON(NAME, word, text) [REASON_##NAME] = word,
#include "policy/reason.def"
#undef REASON
};

static const char *const texts[] = {
#define REASON(NAME, word, text) [REASON_##NAME] = text,
#include "policy/reason.def"
#undef REASON
};

static const char *const outcomes[] = {
    [OUTCOME_NOT_ASKED] = "not_asked", [OUTCOME_STRICT] = "strict",   [OUTCOME_BEST_EFFORT] = "best_effort",
    [OUTCOME_NONE] = "none",           [OUTCOME_PENDING] = "pending",
};

const char *reason_word(unsigned reason)
{
    return reason < REASON_COUNT ? words[reason] : "?";
}

const char *reason_text(unsigned reason)
{
    return reason < REASON_COUNT ? texts[reason] : "unknown reason";
}

const char *outcome_word(unsigned outcome)
{
    return outcome < OUTCOME_COUNT ? outcomes[outcome] : "?";
}

static bool is_had(unsigned outcome)
{
    return outcome == OUTCOME_STRICT || outcome == OUTCOME_BEST_EFFORT;
}

enum step step_of(unsigned cpu_outcome, unsigned memory_outcome)
{
    if (is_had(cpu_outcome) && memory_outcome == OUTCOME_NONE)
        return STEP_CPU_ONLY;
    if (cpu_outcome == OUTCOME_NONE && is_had(memory_outcome))
        return STEP_MEMORY_ONLY;
    if (cpu_outcome == OUTCOME_NONE || memory_outcome == OUTCOME_NONE)
        return STEP_NONE;
    if (cpu_outcome == OUTCOME_BEST_EFFORT || memory_outcome == OUTCOME_BEST_EFFORT)
        return STEP_PREFERRED;
    return is_had(cpu_outcome) || is_had(memory_outcome) ? STEP_FULL : STEP_NOT_ASKED;
}

const char *step_word(unsigned step)
{
    static const char *const steps[STEP_COUNT] = {
        [STEP_NOT_ASKED] = "not_asked",     [STEP_FULL] = "full",
        [STEP_PREFERRED] = "preferred",     [STEP_CPU_ONLY] = "cpu_only",
        [STEP_MEMORY_ONLY] = "memory_only", [STEP_NONE] = "none",
    };
    return step < STEP_COUNT ? steps[step] : "?";
}
