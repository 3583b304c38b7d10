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

/*
 * How much of all that was asked for a thread it has, CPUs and memory together, in steps downwards. `preferred`: what
 * could not be had is come near to (a best_effort); `cpu_only`: no memory policy; `memory_only`: no mask.
 */
enum step { STEP_NOT_ASKED, STEP_FULL, STEP_PREFERRED, STEP_CPU_ONLY, STEP_MEMORY_ONLY, STEP_NONE, STEP_COUNT };

/* Of two enum outcome. What is pending is not known and counts as not asked. */
enum step step_of(unsigned cpu_outcome, unsigned memory_outcome);
const char *step_word(unsigned step); /* "not_asked", "full", "preferred", "cpu_only", "memory_only", "none" */

const char *reason_word(unsigned reason);   /* "no-free-slot"; "?" for an unknown number */
const char *reason_text(unsigned reason);   /* the sentence */
const char *outcome_word(unsigned outcome); /* "strict", "best_effort", "none", "not_asked", "pending" */

#endif
