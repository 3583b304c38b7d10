#include "policy/pretend.h"

static void pretend_memory(struct memory *memory)
{
    memory->arena = ARENA_OFF;
    memory->stack = STACK_DEFAULT;
    memory->huge_pages = HUGE_DEFAULT;
    memory->prefault = PREFAULT_OFF;
    memory->next_touch = memory->migrate_on_move = false;
    memory->mapping_rule_count = 0;
}

/* `hard` would refuse to start the program, and is told by the dry run. */
static void pretend_placement(struct placement *placement)
{
    placement->enforcement = ENFORCE_SOFT;
    placement->observe = OBSERVE_OFF;
    placement->rebalance.steal = STEAL_OFF;
    if (placement->distribution == DIST_SHARING)
        placement->distribution = DIST_LEAST_LOADED;
    pretend_memory(&placement->memory);
}

void policy_pretend(struct policy *policy)
{
    pretend_placement(&policy->defaults);
    for (size_t i = 0; i < policy->rule_count; i++)
        pretend_placement(&policy->rules[i].placement);
    /* shares are taken of the user's other processes, by a ledger that counts this machine's */
    if (policy->process.distribution != PROC_DIST_RANKS)
        policy->process.distribution = PROC_DIST_NONE;
    policy->process.memory_return_us = 0;
    /* a program that is told of CPUs that are not there asks for them */
    policy->cpu_count.report = CPUS_HOST;
}
