/*
 * decide: collects what a thread is known by, and asks policy/match.h for its rule. The caller owns the record.
 */
#ifndef NODEWISE_SHIM_PLACE_DECIDE_H
#define NODEWISE_SHIM_PLACE_DECIDE_H

#include <stdint.h>

#include "shim/base/thread.h"

/* The rule for what the record says now, or PLAN_NONE. Signal-safe. */
uint32_t decide_rule(const struct thread *thread);

/* In the creator: what the new thread inherits from it, name, mask, memory policy and slot. */
void decide_inherited(struct thread *thread);
/* Where its start routine and its creating call lie, as far as the plan asks; NULL: not known. */
void decide_code(struct thread *thread, const void *start, const void *caller);
/* In the creator: where its start routine and its creating call lie, as far as the plan asks. */
void decide_origins(struct thread *thread, const void *start, const void *caller);

#endif
