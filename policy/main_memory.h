/*
 * main_memory: the memory policy of a main thread that no rule names. Such a thread may run on the CPUs of all rules, so
 * it has a policy only where every other thread gets the same one, wherever it is placed: then it is treated like them.
 *
 * Pure, allocation-free.
 */
#ifndef NODEWISE_POLICY_MAIN_MEMORY_H
#define NODEWISE_POLICY_MAIN_MEMORY_H

#include "policy/plan.h"

enum main_memory_answer {
    MAIN_MEMORY_SHARED,    /* all places of all rules have the same policy: that of `rule` */
    MAIN_MEMORY_NOT_ASKED, /* no rule has one */
    MAIN_MEMORY_UNMATCHED, /* threads that no rule takes have none: the policy has no [defaults] */
    MAIN_MEMORY_DIFFERS,   /* `rule` has another one than `other`, or none */
    MAIN_MEMORY_BY_PLACE,  /* that of `rule` names the node of each thread's place, of which main has none */
};

struct main_memory {
    enum main_memory_answer answer;
    uint32_t rule, other; /* PLAN_NONE where the answer does not speak of them */
};

/* The rules of a plan, its slots, and the catch-all or PLAN_NONE. */
struct main_memory main_memory_of(const struct plan_rule *rules, uint32_t count, uint32_t default_rule,
                                  const struct plan_slot *slots);

#endif
