#include <errno.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/cpuset.h"

/*
 * The dry run: the shim's own match and pick on an empty machine, one declared thread after the other. Threads
 * are taken to be made by the main thread, which is what nearly every program does.
 */

int plan_mask_cpuset(const struct plan_view *plan, uint32_t mask_index, struct cpuset *ret_set)
{
    const struct plan_mask *mask = &plan->masks[mask_index];
    struct cpuset set = CPUSET_EMPTY;
    for (uint32_t i = 0; i < mask->word_count; i++)
        for (uint64_t word = plan->words[mask->word_first + i]; word; word &= word - 1) {
            int error = cpuset_add(&set, (mask->first_word + i) * 64 + (unsigned)__builtin_ctzll(word));
            if (error < 0) {
                cpuset_free(&set);
                return error;
            }
        }
    cpuset_free(ret_set);
    *ret_set = set;
    return 0;
}

static void decide(const struct plan_view *plan, struct occupancy *occupancy, struct sim_thread *thread,
                   uint32_t creator_slot)
{
    thread->rule = match_rule(plan, &thread->facts);
    thread->main_union = false;
    if (thread->rule != PLAN_NONE) {
        thread->pick = pick_slot(plan, occupancy, thread->rule, creator_slot);
        thread->reason = thread->pick.reason != REASON_OK ? thread->pick.reason : plan->rules[thread->rule].set_reason;
        if (thread->reason == REASON_OK && thread->facts.main && pick_keeps_start(plan, thread->rule))
            thread->reason = REASON_WHERE_STARTED;
        return;
    }
    thread->main_union = thread->facts.main;
    thread->reason = thread->facts.main ? REASON_MAIN_UNION : REASON_BASE;
}

/* The mask as it is once all threads are there: later exclusive ones have taken their CPUs out of it. */
static int final_mask(const struct plan_view *plan, const struct occupancy *occupancy, struct sim_thread *thread,
                      uint64_t *bits)
{
    if (thread->rule == PLAN_NONE)
        return plan_mask_cpuset(plan, thread->main_union ? plan->header->main_mask : plan->header->allowed_mask,
                                &thread->cpus);
    bool shared;
    size_t words = pick_mask(plan, occupancy, thread->pick, bits, occupancy->claimed_words, &shared);
    struct cpuset cpus = {bits, words};
    if (shared && thread->reason == REASON_OK)
        thread->reason = REASON_SHARED_CPU;
    return cpuset_copy(&thread->cpus, &cpus);
}

int plan_simulate(const struct plan_view *plan, struct sim_thread *threads, size_t count)
{
    struct occupancy occupancy;
    void *memory = calloc(1, occupancy_size(plan));
    if (!memory)
        return -ENOMEM;
    occupancy_init(&occupancy, plan, memory);
    uint64_t *bits = calloc(occupancy.claimed_words, sizeof(*bits));
    int error = bits ? 0 : -ENOMEM;

    uint32_t main_slot = PLAN_NONE;
    for (size_t i = 0; i < count && error == 0; i++) {
        decide(plan, &occupancy, &threads[i], main_slot);
        if (threads[i].facts.main && threads[i].rule != PLAN_NONE)
            main_slot = threads[i].pick.slot;
    }
    for (size_t i = 0; i < count && error == 0; i++)
        error = final_mask(plan, &occupancy, &threads[i], bits);
    free(bits);
    free(memory);
    return error;
}
