#include "shim/place/apply.h"

#include <errno.h>
#include <string.h>

#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/place/counted.h"
#include "shim/place/rename.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/segment.h"

pid_t apply_target(const struct thread *thread)
{
    return thread == thread_self ? 0 : (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);
}

void apply_refused(struct thread *thread, enum placing_call call, int error)
{
    if (error == -EPRETENDED) /* the kernel was not asked */
        return;
    segment_count(COUNT_REFUSALS);
    segment_event(&(struct event){
        .kind = EVENT_REFUSED,
        .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed),
        .rule = thread->rule,
        .value = (uint32_t)-error,
        .outcome = OUTCOME_NONE,
        .reason = (uint8_t)reason_of_error(error),
        .text = placing_call_word(call),
    });
}

static void note_cpus(struct thread *thread, enum outcome outcome, enum reason reason)
{
    thread->cpu_outcome = (uint8_t)outcome;
    thread->cpu_reason = (uint8_t)reason;
}

/* The mask that the record asks for, not yet limited to the CPUs that the process was started with. */
static void wanted_mask(struct thread *thread, enum standing standing, struct mask *mask)
{
    bool shared = false;
    if (standing == STANDING_RULE) {
        pick_mask(&shim.plan, &shim.occupancy, thread->pick, mask->bits, mask->words, &shared);
        thread->flags &= (uint8_t) ~(THREAD_FLAG_SHARED | THREAD_FLAG_CLAIMS);
        thread->flags |= (uint8_t)((shared ? THREAD_FLAG_SHARED : 0) | (thread->pick.claims ? THREAD_FLAG_CLAIMS : 0));
    } else if (standing == STANDING_UNION) {
        plan_mask_expand(&shim.plan, shim.plan.header->main_mask, mask->bits, mask->words);
    } else {
        mask_copy(mask, shim.base.mask);
    }
}

/* Notes strict or best_effort for a mask that was set as asked. Reasons of the plan and of the pick take precedence. */
static void note_granted(struct thread *thread)
{
    const struct plan_rule *rule = apply_rule(thread);
    if (!rule)
        note_cpus(thread, OUTCOME_STRICT, REASON_OK);
    else if (rule->set_reason == REASON_EMPTY_SET || rule->set_reason == REASON_NO_DEVICE)
        note_cpus(thread, OUTCOME_BEST_EFFORT, rule->set_reason);
    else if (thread->pick.reason == REASON_NO_FREE_SLOT)
        note_cpus(thread, OUTCOME_BEST_EFFORT, REASON_NO_FREE_SLOT);
    else if (thread->flags & THREAD_FLAG_SHARED)
        note_cpus(thread, OUTCOME_BEST_EFFORT, REASON_SHARED_CPU);
    else
        /* granted exactly; the reason may still say that the place is crowded or that it is another alternative */
        note_cpus(thread, OUTCOME_STRICT, thread->pick.reason ? thread->pick.reason : rule->set_reason);
}

static void note_got(struct thread *thread, const struct mask *asked, const struct mask *got, bool limited)
{
    unsigned weight = mask_weight(got);
    thread->got_cpus = weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX;
    if (!mask_equal(got, asked))
        note_cpus(thread, OUTCOME_BEST_EFFORT, mask_is_subset(got, asked) ? REASON_NARROWED : REASON_CHANGED);
    else if (limited)
        note_cpus(thread, OUTCOME_BEST_EFFORT, REASON_NARROWED);
    else
        note_granted(thread);
    if (thread->cpu_reason == REASON_NARROWED || thread->cpu_reason == REASON_CHANGED)
        segment_event(&(struct event){
            .kind = EVENT_NARROWED,
            .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed),
            .rule = thread->rule,
            .value = weight,
            .outcome = thread->cpu_outcome,
            .reason = thread->cpu_reason,
        });
}

static void read_back(struct thread *thread, const struct mask *asked, bool limited)
{
    struct mask got;
    size_t words;
    int error = mask_open(&got);
    if (error) {
        note_cpus(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        return;
    }
    error = sys_get_affinity(apply_target(thread), got.bits, got.words, &words);
    if (error) {
        note_cpus(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        apply_refused(thread, CALL_SCHED_GETAFFINITY, error);
    } else {
        note_got(thread, asked, &got, limited);
    }
    mask_close(&got);
}

/*
 * Has the thread what it asks for? Likely where that is all that the process may use, as under bind_to = "none": it was
 * inherited. The kernel says so, and the answer is the one that would be read back.
 */
static bool has_already(struct thread *thread, const struct mask *asked, bool limited)
{
    struct mask got;
    size_t words;
    if (memcmp(asked->bits, shim.base.mask, asked->words * 8) != 0 || mask_open(&got) < 0)
        return false;
    bool has = sys_get_affinity(apply_target(thread), got.bits, got.words, &words) == 0 && mask_equal(&got, asked);
    if (has)
        note_got(thread, asked, &got, limited);
    mask_close(&got);
    return has;
}

bool apply_check(struct thread *thread)
{
    uint8_t outcome = thread->cpu_outcome, reason = thread->cpu_reason;
    uint16_t had = thread->got_cpus;
    struct mask asked, got;
    size_t words;
    bool changed = false;
    if (mask_open(&asked) < 0)
        return false;
    if (mask_open(&got) == 0) {
        apply_wanted(thread, &asked);
        changed = sys_get_affinity(apply_target(thread), got.bits, got.words, &words) == 0 &&
                  mask_equal(&got, &asked) != (outcome == OUTCOME_STRICT);
        mask_close(&got);
    }
    if (changed)
        read_back(thread, &asked, false);
    mask_close(&asked);
    return changed && (thread->cpu_outcome != outcome || thread->cpu_reason != reason || thread->got_cpus != had);
}

static void set_cpus(struct thread *thread, enum standing standing, struct mask *asked)
{
    int error;
    thread->chosen = thread->reads_own = false;
    counted_in_place(thread);
    wanted_mask(thread, standing, asked);
    if (shim_needs(PLAN_IS_PRETENDED)) {
        thread->cpus = STANDING_BASE;
        note_cpus(thread, OUTCOME_NONE, REASON_NOT_APPLIED);
        return;
    }
    unsigned wanted = mask_weight(asked);
    mask_and(asked, shim.base.mask); /* never beyond the CPUs that the process was started with */
    unsigned usable = mask_weight(asked);
    if (!usable) {
        /* the process may use no CPU of the plan: the thread is treated as one without a rule */
        mask_copy(asked, shim.base.mask);
        error = sys_set_affinity(apply_target(thread), asked->bits, asked->words);
        thread->cpus = STANDING_BASE;
        note_cpus(thread, OUTCOME_NONE, error ? reason_of_error(error) : REASON_EMPTY_SET);
        return;
    }
    bool has = has_already(thread, asked, usable < wanted);
    error = has ? 0 : sys_set_affinity(apply_target(thread), asked->bits, asked->words);
    if (error) {
        note_cpus(thread, OUTCOME_NONE, reason_of_error(error));
        apply_refused(thread, CALL_SCHED_SETAFFINITY, error);
        return;
    }
    thread->cpus = (uint8_t)standing;
    thread->flags &= (uint8_t)~THREAD_FLAG_PROGRAM;
    if (!has)
        read_back(thread, asked, usable < wanted);
}

static void wanted_within(struct thread *thread, const uint64_t *limit, struct mask *ret_mask)
{
    wanted_mask(thread, thread->holds_pick ? STANDING_RULE : thread->main ? STANDING_UNION : STANDING_BASE, ret_mask);
    mask_and(ret_mask, limit);
    if (!mask_weight(ret_mask))
        mask_copy(ret_mask, limit);
}

void apply_wanted(struct thread *thread, struct mask *ret_mask)
{
    wanted_within(thread, shim.base.mask, ret_mask);
}

void apply_place(struct thread *thread, struct mask *ret_mask)
{
    struct mask allowed;
    if (!shim.base.mask_is_chosen || mask_open(&allowed) < 0) {
        apply_wanted(thread, ret_mask);
        return;
    }
    plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, allowed.bits, allowed.words);
    wanted_within(thread, allowed.bits, ret_mask);
    mask_close(&allowed);
}

void apply_cpus(struct thread *thread, enum standing otherwise)
{
    enum standing standing = thread->holds_pick ? STANDING_RULE : otherwise;
    struct mask asked;
    thread->home_node = thread->holds_pick ? shim.plan.slots[thread->pick.slot].home_node : UINT32_MAX;
    if (standing == STANDING_BASE && (thread->cpus == STANDING_BASE || thread->cpus == STANDING_PROGRAM)) {
        /* the thread inherited the mask, and only the program itself may have changed it: the shim leaves it alone */
        note_cpus(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
        return;
    }
    int error = mask_open(&asked);
    if (error) {
        note_cpus(thread, OUTCOME_NONE, reason_of_error(error));
        return;
    }
    set_cpus(thread, standing, &asked);
    mask_close(&asked);
    if (standing == STANDING_BASE && thread->cpu_outcome == OUTCOME_STRICT)
        note_cpus(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
}

bool apply_learn_cpuset(struct thread *thread)
{
    struct mask inside;
    size_t words;
    if (mask_open(&inside) < 0)
        return false;
    bool learnt = sys_set_affinity(apply_target(thread), shim.base.mask, shim.base.words) == 0;
    if (learnt) {
        thread->cpus = STANDING_BASE;
        if (sys_get_affinity(apply_target(thread), inside.bits, inside.words, &words) == 0)
            occupancy_narrow(&shim.plan, &shim.occupancy, inside.bits, inside.words);
    }
    mask_close(&inside);
    return learnt;
}

/* --- name --- */

static _Atomic uint32_t *names_given ON_DATA_PAGE; /* one counter for each rule */

void apply_count_names(_Atomic uint32_t *counts)
{
    names_given = counts;
}

void apply_rename(struct thread *thread)
{
    const struct plan_rule *rule = apply_rule(thread);
    if (!rule || !rule->rename || !thread->unnamed || thread->main || thread != thread_self)
        return;
    uint32_t number = atomic_fetch_add_explicit(&names_given[thread->rule], 1, memory_order_relaxed) + 1;
    rename_compose(thread->name, plan_text(&shim.plan, rule->rename), plan_text(&shim.plan, rule->name), number);
    int error = sys_set_name(thread->name);
    if (error) {
        memcpy(thread->name, thread->creator_name, sizeof(thread->name));
        apply_refused(thread, CALL_SET_NAME, error);
        return;
    }
    thread->flags |= THREAD_FLAG_RENAMED;
    segment_rule_renamed(thread->rule);
    segment_count(COUNT_RENAMES);
}
