/*
 * reason: how far a wish was met, and why not further. Values travel in the plan and the telemetry segment, so
 * the order of reason.def is part of both formats: append only, or raise their versions.
 *
 * Pure tables, usable anywhere, also in the shim and in signal handlers.
 */
#ifndef NODEWISE_POLICY_REASON_H
#define NODEWISE_POLICY_REASON_H

enum reason {
#define REASON(NAME, word, text) REASON_##NAME,
#include "policy/reason.def"
#undef REASON
    REASON_COUNT
};

/* How a wish ended. OUTCOME_NONE comes with the reason; PENDING: decided but not yet applied by the thread. */
enum outcome { OUTCOME_NOT_ASKED, OUTCOME_STRICT, OUTCOME_BEST_EFFORT, OUTCOME_NONE, OUTCOME_PENDING, OUTCOME_COUNT };

const char *reason_word(unsigned reason);   /* "no-free-slot"; "?" for an unknown number */
const char *reason_text(unsigned reason);   /* the sentence */
const char *outcome_word(unsigned outcome); /* "strict", "best_effort", "none", "not_asked", "pending" */

#endif
