#include "tools/apply/placing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"
#include "policy/reason.h"
#include "shim/sys/error_reason.h"
#include "tools/common/affinity.h"

int placing_init(struct placing *ret_placing, const struct plan_view *plan, bool dry_run)
{
    struct placing placing = {.plan = plan, .dry_run = dry_run, .memory = calloc(1, occupancy_size(plan))};
    if (!placing.memory)
        return -ENOMEM;
    occupancy_init(&placing.occupancy, plan, placing.memory);
    placing.bits = calloc(placing.occupancy.claimed_words, sizeof(*placing.bits));
    if (!placing.bits) {
        free(placing.memory);
        return -ENOMEM;
    }
    *ret_placing = placing;
    return 0;
}

void placing_free(struct placing *placing)
{
    free(placing->memory);
    free(placing->bits);
    *placing = (struct placing){.plan = NULL};
}

/* --- rules and places --- */

/* A thread has its creator's name until it is given one: which of them it has is not known of one that is called so. */
static struct thread_facts facts_of(const struct target *target, const struct target_thread *thread)
{
    bool inherited = !thread->main && strcmp(thread->name, target->comm) == 0;
    return (struct thread_facts){.name = thread->name,
                                 .unnamed = inherited,
                                 .main = thread->main,
                                 .index = thread->index,
                                 .process = &target->facts};
}

static uint32_t slot_of_main(const struct target *target)
{
    for (size_t i = 0; i < target->count; i++)
        if (target->threads[i].main)
            return target->threads[i].picked ? target->threads[i].pick.slot : PLAN_NONE;
    return PLAN_NONE;
}

/*
 * Threads are near to the first one. That one, and the one place of `primary`, are where it runs: its memory is there by
 * now. As in shim/place/settle.c.
 */
static uint32_t slot_near(const struct plan_view *plan, const struct target *target, const struct target_thread *thread,
                          uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t mains = thread->main ? PLAN_NONE : slot_of_main(target);
    if (!thread->main && (mains != PLAN_NONE || rule->distribution != DIST_PRIMARY))
        return mains;
    if (thread->main && !target->facts.forked && !pick_keeps_start(plan, rule_index))
        return PLAN_NONE;
    for (uint32_t slot = rule->slot_first; slot < rule->slot_first + rule->slot_count; slot++)
        if (thread->cpu >= 0 && plan_mask_has(plan, plan->slots[slot].mask, (unsigned)thread->cpu))
            return slot;
    return PLAN_NONE;
}

static void give_back(struct placing *placing, struct target_thread *thread)
{
    occupancy_pin_remove(placing->plan, &placing->occupancy, &thread->pin);
    thread->pin = (struct occupancy_pin){.word_count = 0};
    if (!thread->picked)
        return;
    placing->claims += thread->pick.claims;
    pick_release(placing->plan, &placing->occupancy, thread->pick);
    thread->picked = false;
}

static void decide(struct placing *placing, const struct target *target, struct target_thread *thread)
{
    struct thread_facts facts = facts_of(target, thread);
    uint32_t rule = match_rule(placing->plan, &facts);
    bool stays = thread->picked && rule == thread->rule;
    thread->decided = thread->due = true;
    if (stays)
        return;
    give_back(placing, thread);
    thread->rule = rule;
    thread->picked = rule != PLAN_NONE;
    if (!thread->picked)
        return;
    thread->pick = pick_slot(placing->plan, &placing->occupancy, rule, slot_near(placing->plan, target, thread, rule));
    placing->claims += thread->pick.claims;
}

/* The CPUs that the thread is to have. 0 or -ENOMEM. */
static int place_of(struct placing *placing, const struct target *target, const struct target_thread *thread,
                    struct cpuset *ret_place, bool *ret_shared)
{
    *ret_shared = false;
    if (thread->picked) {
        size_t words = pick_mask(placing->plan, &placing->occupancy, thread->pick, placing->bits,
                                 placing->occupancy.claimed_words, ret_shared);
        const struct cpuset place = {placing->bits, words};
        return cpuset_copy(ret_place, &place);
    }
    if (thread->main)
        return plan_mask_cpuset(placing->plan, placing->plan->header->main_mask, ret_place);
    return cpuset_copy(ret_place, &target->base);
}

/* --- what programs choose --- */

/* Has a thread been given these CPUs, which others inherit from it? */
static bool is_given(const struct target *target, const struct cpuset *cpus)
{
    if (cpuset_equal(&target->inherited, cpus) && !cpuset_is_empty(cpus))
        return true;
    for (size_t i = 0; i < target->count; i++) {
        const struct target_thread *thread = &target->threads[i];
        if (!cpuset_is_empty(&thread->got) && !thread->chose && cpuset_equal(&thread->got, cpus))
            return true;
    }
    return false;
}

static bool has_chosen(const struct target *target, const struct target_thread *thread)
{
    if (!cpuset_is_empty(&thread->got))
        return thread->chose || !cpuset_equal(&thread->now, &thread->got);
    return !cpuset_equal(&thread->now, &target->base) && !is_given(target, &thread->now);
}

/* The n-th CPU of those that the process had becomes the n-th of the place; the count goes round. 0 or -ENOMEM. */
static int remap(const struct cpuset *base, const struct cpuset *now, const struct cpuset *place,
                 struct cpuset *ret_cpus)
{
    int error = 0, own = -1;
    CPUSET_FOREACH(id, base) {
        own = cpuset_next(place, own);
        if (own < 0)
            own = cpuset_first(place);
        if (cpuset_has(now, (unsigned)id) && error == 0)
            error = cpuset_add(ret_cpus, (unsigned)own);
    }
    return error;
}

static enum app_affinity choice_of(const struct plan_view *plan, const struct target_thread *thread)
{
    uint32_t rule = thread->picked ? thread->rule : plan->header->default_rule;
    if (rule == PLAN_NONE || (!thread->picked && !thread->main))
        return APP_RESPECT;
    return (enum app_affinity)plan->rules[rule].on_app_affinity;
}

/* What stays of the CPUs that the thread has now, into *place. 0 or -ENOMEM. */
static int arbitrate(enum app_affinity choice, const struct cpuset *base, const struct cpuset *now,
                     struct cpuset *place, enum reason *ret_reason)
{
    if (choice == APP_IGNORE) {
        *ret_reason = REASON_APP_IGNORED;
        return 0;
    }
    if (choice == APP_REMAP) {
        struct cpuset mapped = CPUSET_EMPTY;
        int error = remap(base, now, place, &mapped);
        if (error == 0 && !cpuset_is_empty(&mapped))
            error = cpuset_copy(place, &mapped);
        cpuset_free(&mapped);
        *ret_reason = REASON_APP_REMAPPED;
        return error;
    }
    bool kept = choice == APP_RESPECT || cpuset_is_subset(now, place), clamped = cpuset_intersects(now, place);
    *ret_reason = kept ? REASON_APP_KEPT : clamped ? REASON_APP_CLAMPED : REASON_APP_OUTSIDE;
    if (kept)
        return cpuset_copy(place, now);
    if (clamped)
        cpuset_and(place, now);
    return 0;
}

/* Counts the thread where it is: in its place, or on the CPUs that it chose. */
static void count_there(struct placing *placing, struct target_thread *thread, bool in_place)
{
    const struct plan_view *plan = placing->plan;
    occupancy_pin_remove(plan, &placing->occupancy, &thread->pin);
    thread->pin = (struct occupancy_pin){.word_count = 0};
    if (thread->picked)
        pick_count(plan, &placing->occupancy, &thread->pick, in_place);
    if (in_place)
        return;
    occupancy_pin_set(&thread->pin, thread->asked.words, thread->asked.count);
    occupancy_pin_add(plan, &placing->occupancy, &thread->pin);
}

/* --- the kernel --- */

struct result {
    enum outcome outcome;
    enum reason reason;
};

/* Reasons of the plan and of the choice of the place, of a mask that was granted. */
static struct result granted(const struct plan_view *plan, const struct target_thread *thread, bool shared)
{
    enum reason set = thread->picked ? plan->rules[thread->rule].set_reason : REASON_OK;
    enum reason picked = thread->picked ? thread->pick.reason : REASON_OK;
    if (set == REASON_EMPTY_SET || set == REASON_NO_DEVICE)
        return (struct result){OUTCOME_BEST_EFFORT, set};
    if (picked == REASON_NO_FREE_SLOT)
        return (struct result){OUTCOME_BEST_EFFORT, picked};
    if (shared)
        return (struct result){OUTCOME_BEST_EFFORT, REASON_SHARED_CPU};
    return (struct result){OUTCOME_STRICT, picked ? picked : set};
}

/* 0: granted as asked. -ESTALE: something else was; -ESRCH: it has ended; or what the kernel said. */
static int set_cpus(const struct target *target, struct target_thread *thread)
{
    if (cpuset_equal(&thread->asked, &thread->now))
        return cpuset_copy(&thread->got, &thread->now);
    if (thread->fixed)
        return -EINVAL;
    if (!target_has_thread(target, thread))
        return -ESRCH;
    int error = affinity_set(thread->tid, &thread->asked);
    if (error == 0)
        error = affinity_get(thread->tid, &thread->got);
    if (!target_has_thread(target, thread))
        return -ESRCH;
    return error < 0 ? error : cpuset_equal(&thread->got, &thread->asked) ? 0 : -ESTALE;
}

/* wish: the outcome where it is granted. */
static struct result carry_out(struct placing *placing, const struct target *target, struct target_thread *thread,
                               struct result wish)
{
    int error = placing->dry_run ? 0 : set_cpus(target, thread);
    if (error == 0)
        return wish;
    if (error == -ESTALE)
        return (struct result){OUTCOME_BEST_EFFORT,
                               cpuset_is_subset(&thread->got, &thread->asked) ? REASON_NARROWED : REASON_CHANGED};
    thread->young = true; /* it is read again: it may be another one by now */
    if (error == -ESRCH)
        return (struct result){OUTCOME_NONE, REASON_ESRCH};
    if (thread->fixed)
        return (struct result){OUTCOME_NONE, REASON_KERNEL_WORKER};
    placing->refused = -error;
    return (struct result){OUTCOME_NONE, reason_of_error(error)};
}

/* --- one thread --- */

static void note(struct target_thread *thread, struct result result)
{
    thread->changed = thread->changed || thread->outcome != result.outcome || thread->reason != result.reason;
    thread->outcome = result.outcome;
    thread->reason = result.reason;
}

/* Is there anything to ask for? A thread without a rule keeps what it has, unless it was placed or inherited it. */
static bool is_asked(const struct target *target, const struct target_thread *thread)
{
    return thread->picked || thread->main || !cpuset_is_empty(&thread->got) ||
           (!cpuset_equal(&thread->now, &target->base) && !thread->chose);
}

/* Its CPUs into thread.asked, and the outcome when they are granted. 0 or -ENOMEM. */
static int choose(struct placing *placing, const struct target *target, struct target_thread *thread,
                  struct result *ret_wish)
{
    struct cpuset place = CPUSET_EMPTY, stays = CPUSET_EMPTY;
    bool shared;
    enum reason reason = REASON_OK;
    int error = place_of(placing, target, thread, &place, &shared);
    if (error == 0)
        error = cpuset_copy(&stays, &place);
    if (error == 0 && thread->chose)
        error = arbitrate(choice_of(placing->plan, thread), &target->base, &thread->now, &stays, &reason);
    *ret_wish = granted(placing->plan, thread, shared);
    if (reason != REASON_OK)
        *ret_wish = (struct result){cpuset_is_subset(&stays, &place) ? OUTCOME_STRICT : OUTCOME_BEST_EFFORT, reason};
    thread->chose = error == 0 && thread->chose && !cpuset_equal(&stays, &place);
    if (error == 0 && !cpuset_equal(&stays, &thread->asked)) {
        thread->changed = true;
        error = cpuset_copy(&thread->asked, &stays);
    }
    cpuset_free(&place);
    cpuset_free(&stays);
    return error;
}

static int place_thread(struct placing *placing, const struct target *target, struct target_thread *thread)
{
    struct result wish;
    thread->due = false;
    if (thread->ended)
        return 0;
    if (!is_asked(target, thread)) {
        note(thread, (struct result){OUTCOME_NOT_ASKED, REASON_BASE});
        return 0;
    }
    int error = choose(placing, target, thread, &wish);
    if (error < 0)
        return error;
    count_there(placing, thread, !thread->chose);
    note(thread, carry_out(placing, target, thread, wish));
    return 0;
}

/* --- a look's threads --- */

/* Reads its CPUs as they are. 0 or -ENOMEM; one that the kernel does not show has ended. */
static int read_now(struct target_thread *thread)
{
    int error = affinity_get(thread->tid, &thread->now);
    if (error == -ENOMEM)
        return error;
    thread->ended = error < 0;
    return 0;
}

/* Those that are new: what they have before anything is set. */
static int meet(struct target *target)
{
    int error = 0;
    for (size_t i = target->sorted; i < target->count && error == 0; i++) {
        struct target_thread *thread = &target->threads[i];
        error = read_now(thread);
        if (error == 0 && !thread->ended)
            error = cpuset_copy(&thread->before, &thread->now);
        if (error == 0 && !thread->ended && !target->has_base)
            error = cpuset_or(&target->base, &thread->now);
    }
    target->has_base = true;
    return error;
}

/* Those that were there: has one of them other CPUs by now? */
static int check(struct target *target, bool closely)
{
    int error = 0;
    for (size_t i = 0; i < target->sorted && error == 0; i++) {
        struct target_thread *thread = &target->threads[i];
        if (thread->ended || (!thread->due && !closely))
            continue;
        error = read_now(thread);
        thread->due = thread->due || (!cpuset_is_empty(&thread->got) && !cpuset_equal(&thread->now, &thread->got));
    }
    return error;
}

static void give_back_ended(struct placing *placing, struct target *target)
{
    for (size_t i = 0; i < target->count; i++)
        if (target->threads[i].ended)
            give_back(placing, &target->threads[i]);
}

static void decide_all(struct placing *placing, struct target *target)
{
    for (size_t i = 0; i < target->count; i++)
        if (!target->threads[i].ended && !target->threads[i].decided)
            decide(placing, target, &target->threads[i]);
    for (size_t i = 0; i < target->count; i++)
        target->threads[i].due =
            target->threads[i].due || (target->claims != placing->claims && target->threads[i].picked);
    target->claims = placing->claims;
}

int placing_place(struct placing *placing, struct target *target, bool closely)
{
    int error = meet(target);
    if (error < 0)
        return error;
    give_back_ended(placing, target);
    decide_all(placing, target);
    error = check(target, closely);
    /* before the first one is set, which others are taken to have inherited from */
    for (size_t i = 0; i < target->count; i++)
        if (target->threads[i].due)
            target->threads[i].chose = has_chosen(target, &target->threads[i]);
    for (size_t i = 0; i < target->count && error == 0; i++)
        if (target->threads[i].due)
            error = place_thread(placing, target, &target->threads[i]);
    give_back_ended(placing, target); /* those that did since the look */
    target_settle(target);
    return error;
}

void placing_leave(struct placing *placing, struct target *target)
{
    for (size_t i = 0; i < target->count; i++) {
        give_back(placing, &target->threads[i]);
        target->threads[i].decided = false;
    }
}

bool placing_is_settled(const struct placing *placing, struct target *target)
{
    return target->ended || (target->claims == placing->claims && !target_has_changed(target));
}

bool placing_is_as_asked(const struct target_thread *thread)
{
    if (thread->outcome == OUTCOME_NONE)
        return thread->reason == REASON_KERNEL_WORKER || thread->reason == REASON_ESRCH;
    return thread->reason != REASON_NARROWED && thread->reason != REASON_CHANGED;
}
