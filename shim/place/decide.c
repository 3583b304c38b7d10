#include "shim/place/decide.h"

#include <string.h>

#include "shim/base/state.h"
#include "shim/place/callstack.h"
#include "shim/place/origin.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/texts.h"

static void fill_frames(const struct thread *thread, struct thread_facts *facts)
{
    facts->frames = thread->frames;
    for (uint32_t i = 0; i < thread->frames; i++) {
        facts->stack_library[i] = texts_get(thread->stack_library[i]);
        facts->stack_function[i] = texts_get(thread->stack_function[i]);
    }
}

uint32_t decide_rule(const struct thread *thread)
{
    struct thread_facts facts;
    /* not initialised: clearing its arrays of frames would double the cost of a decision */
    facts.name = thread->name;
    facts.unnamed = thread->unnamed;
    facts.main = thread->main;
    facts.index = thread->index;
    facts.start_library = texts_get(thread->start_library);
    facts.start_function = texts_get(thread->start_function);
    facts.creator_library = texts_get(thread->creator_library);
    facts.creator_function = texts_get(thread->creator_function);
    facts.process = &shim.facts;
    fill_frames(thread, &facts);
    return match_rule(&shim.plan, &facts);
}

void decide_inherited(struct thread *thread)
{
    const struct thread *creator = thread_self;
    if (creator) {
        thread->creator_tid = atomic_load_explicit(&creator->tid, memory_order_relaxed);
        thread->creator_slot = creator->holds_pick ? creator->pick.slot : PLAN_NONE;
        thread->cpus = creator->cpus;
        thread->memory = creator->memory;
        memcpy(thread->creator_name, creator->name, sizeof(thread->creator_name));
    } else {
        thread->creator_tid = (uint32_t)thread_own_tid();
        thread->cpus = thread->memory = STANDING_UNKNOWN;
        sys_get_name(thread->creator_name);
    }
    memcpy(thread->name, thread->creator_name, sizeof(thread->name));
}

void decide_code(struct thread *thread, const void *start, const void *caller)
{
    if (shim_needs(PLAN_NEEDS_LIBRARIES | PLAN_NEEDS_FUNCTIONS)) {
        struct origin from = origin_of(start), by = origin_of(caller);
        thread->start_library = from.library;
        thread->start_function = from.function;
        thread->creator_library = by.library;
        thread->creator_function = by.function;
    }
}

void decide_origins(struct thread *thread, const void *start, const void *caller)
{
    decide_code(thread, start, caller);
    if (shim_needs(PLAN_NEEDS_CALLSTACK))
        callstack_record(thread);
}
