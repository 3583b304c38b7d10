/*
 * decide: collects the facts about a thread and asks policy/match.h for its rule. The caller owns the record. Cannot
 * fail: a missing fact matches no condition.
 */
#ifndef NODEWISE_SHIM_PLACE_DECIDE_H
#define NODEWISE_SHIM_PLACE_DECIDE_H

#include <stdint.h>

#include "shim/base/thread.h"

/* The rule for the facts that the record holds now, or PLAN_NONE. Signal-safe. */
uint32_t decide_rule(const struct thread *thread);

/* For the creator: notes what the new thread inherits from it: name, mask, memory policy and slot. */
void decide_inherited(struct thread *thread);
/*
 * Notes the library and function of the start routine and of the creating call, as far as the plan needs them. NULL:
 * unknown.
 */
void decide_code(struct thread *thread, const void *start, const void *caller);
/* The same for the creator, which can also record its call stack. */
void decide_origins(struct thread *thread, const void *start, const void *caller);

#endif
