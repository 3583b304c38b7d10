#include "policy/reason.h"

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
