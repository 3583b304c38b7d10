#include "shim/place/arbitrate.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/place/apply.h"
#include "shim/place/counted.h"
#include "shim/place/cpu_count.h"
#include "shim/place/decide.h"
#include "shim/place/origin.h"
#include "shim/place/settle.h"
#include "shim/place/thread_policy.h"
#include "shim/sys/allowed.h"
#include "shim/sys/call.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/texts.h"

#define TRIES      100u   /* attempts to own a record that another thread owns: */
#define YIELDS     20u    /* so many at once, the others */
#define BETWEEN_NS 20000u /* or more apart */

/* Not 0 for the calling thread: in a child of vfork its record is the parent's, and so is what is asked and set here. */
static pid_t target(const struct thread *thread)
{
    return (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);
}

static _Atomic uint32_t early; /* number of calls about threads that had no record yet */

uint32_t arbitrate_early(void)
{
    return atomic_load(&early);
}

/* --- what the rule says --- */

static enum app_affinity choice_of(const struct thread *thread)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t rule = thread->holds_pick ? thread->rule : plan->header->default_rule;
    if (!thread->holds_pick && !thread->main)
        return APP_RESPECT;
    return rule == PLAN_NONE ? APP_RESPECT : (enum app_affinity)plan->rules[rule].on_app_affinity;
}

/* Maps the n-th CPU of those that the process may use to the n-th CPU of the place. The count wraps around. */
static void remap(const struct mask *asked, const struct mask *ours, struct mask *ret_result)
{
    unsigned weight = mask_weight(ours), position = 0;
    memset(ret_result->bits, 0, ret_result->words * 8);
    for (size_t id = 0; id < asked->words * 64; id++) {
        if (!(shim.base.mask[id / 64] >> id % 64 & 1))
            continue;
        unsigned wanted = position++ % weight;
        if (!mask_has(asked, id))
            continue;
        for (size_t own = 0; own < ours->words * 64; own++)
            if (mask_has(ours, own) && wanted-- == 0) {
                ret_result->bits[own / 64] |= UINT64_C(1) << own % 64;
                break;
            }
    }
}

/* Computes the mask that the thread gets. Returns the reason. */
static enum reason settle(enum app_affinity choice, const struct mask *asked, const struct mask *ours,
                          struct mask *result)
{
    mask_copy(result, asked->bits);
    if (choice == APP_RESPECT)
        return REASON_APP_KEPT;
    if (choice == APP_IGNORE) {
        mask_copy(result, ours->bits);
        return REASON_APP_IGNORED;
    }
    if (choice == APP_REMAP) {
        remap(asked, ours, result);
        return REASON_APP_REMAPPED;
    }
    if (mask_is_subset(asked, ours))
        return REASON_APP_KEPT;
    if (mask_intersects(asked, ours)) {
        mask_and(result, ours->bits);
        return REASON_APP_CLAMPED;
    }
    mask_copy(result, ours->bits);
    return REASON_APP_OUTSIDE;
}

/* --- carrying out --- */

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static void tell(const struct thread *thread, enum segment_event_kind kind, unsigned asked, enum reason reason,
                 const void *by)
{
    segment_event(&(struct event){
        .kind = kind,
        .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed),
        .rule = thread->rule,
        .value = asked,
        .outcome = thread->cpu_outcome,
        .reason = (uint8_t)reason,
        .text = by ? base_name(texts_get(origin_of(by).library)) : NULL,
    });
}

static void note(struct thread *thread, const struct mask *result, const struct mask *ours, enum reason reason)
{
    unsigned weight = mask_weight(result);
    bool inside = mask_is_subset(result, ours);
    thread->got_cpus = weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX;
    thread->cpus = mask_equal(result, ours) ? (thread->holds_pick ? STANDING_RULE : STANDING_UNION) : STANDING_PROGRAM;
    thread->flags &= (uint8_t)~THREAD_FLAG_PROGRAM;
    if (thread->cpus == STANDING_PROGRAM)
        thread->flags |= THREAD_FLAG_PROGRAM;
    if (thread->cpus == STANDING_PROGRAM)
        counted_on(thread, result);
    else
        counted_in_place(thread);
    thread->cpu_outcome = inside ? OUTCOME_STRICT : OUTCOME_BEST_EFFORT;
    thread->cpu_reason = (uint8_t)reason;
}

/*
 * Main's choice is for the program that it may become, and for its children. A program that sets what its thread has
 * anyway has chosen it; one that sets back what it had before its own choice has given that up.
 */
static void remember(struct thread *thread, const struct mask *result, enum reason reason, bool had_chosen)
{
    bool kept = reason == REASON_APP_KEPT || reason == REASON_APP_CLAMPED || reason == REASON_APP_REMAPPED;
    bool given_up = had_chosen && thread->cpus != STANDING_PROGRAM;
    thread->chosen = kept && !given_up;
    if (thread->main)
        chosen_note_mask(thread->chosen ? result->bits : NULL, result->words);
}

/* Sets the part of the requested mask that stays, and reads it back. */
static bool give(struct thread *thread, struct mask *result)
{
    struct mask got;
    size_t words;
    if (mask_open(&got) < 0)
        return false;
    int error = sys_set_affinity(target(thread), result->bits, result->words);
    if (!error)
        error = sys_get_affinity(target(thread), got.bits, got.words, &words);
    if (!error && !mask_equal(&got, result))
        mask_copy(result, got.bits);
    mask_close(&got);
    return !error;
}

/* Is it what the call gave, of the CPUs that the process may use? */
static bool is_as_called(const struct mask *now, const struct affinity_call *call)
{
    const char *set = call->set;
    for (size_t i = 0; i < now->words; i++) {
        uint64_t word = 0;
        if (i * 8 < call->size)
            memcpy(&word, set + i * 8, call->size - i * 8 < 8 ? call->size - i * 8 : 8);
        if (now->bits[i] != (word & shim.base.mask[i]))
            return false;
    }
    return true;
}

/*
 * Did a child of vfork make the call, for itself? Asked only where the thread does not have what the call gave, so that
 * most calls cost one of ours and not two. call: NULL: it is not about one.
 */
static bool is_anothers(const struct mask *now, const struct affinity_call *call)
{
    return call && !is_as_called(now, call) && shim_is_borrowed();
}

static bool decide(struct thread *thread, struct mask *asked, struct mask *ours, struct mask *result,
                   const struct affinity_call *call, const void *by)
{
    size_t words;
    if (sys_get_affinity(target(thread), asked->bits, asked->words, &words) != 0)
        return true;
    if (is_anothers(asked, call))
        return false;
    cpu_count_asked(thread, asked);
    apply_place(thread, ours);
    enum reason reason = settle(choice_of(thread), asked, ours, result);
    if (!mask_equal(asked, result) && !give(thread, result))
        return true;
    bool had_chosen = by && thread->cpus == STANDING_PROGRAM;
    note(thread, result, ours, reason);
    remember(thread, result, reason, had_chosen);
    if (by)
        tell(thread, EVENT_AFFINITY, mask_weight(asked), reason, by);
    return true;
}

/* A thread without a rule has what it chose. It counts there, unless those are all that the process may use. */
static bool count_there(struct thread *thread, const struct affinity_call *call)
{
    struct mask now;
    size_t words;
    bool is_its_own = true;
    if (mask_open(&now) < 0)
        return true;
    if (sys_get_affinity(target(thread), now.bits, now.words, &words) == 0) {
        is_its_own = !is_anothers(&now, call);
        if (is_its_own && memcmp(now.bits, shim.base.mask, now.words * 8) == 0)
            counted_in_place(thread);
        else if (is_its_own)
            counted_on(thread, &now);
    }
    mask_close(&now);
    return is_its_own;
}

/*
 * Decides about the mask that the program has already set in the kernel. call: that of the program, if this is about one.
 * false: the call was about another thread, and nothing is decided.
 */
static bool arbitrate(struct thread *thread, const struct affinity_call *call, const void *by)
{
    struct mask asked, ours, result;
    bool decided = true;
    if (!thread->holds_pick && !thread->main) {
        if (!count_there(thread, call))
            return false;
        thread->cpus = STANDING_PROGRAM;
        thread->chosen = thread->reads_own = true;
        if (by)
            tell(thread, EVENT_AFFINITY, 0, REASON_APP_KEPT, by);
        return true;
    }
    if (mask_open(&asked) < 0)
        return true;
    if (mask_open(&ours) == 0) {
        if (mask_open(&result) == 0) {
            decided = decide(thread, &asked, &ours, &result, call, by);
            mask_close(&result);
        }
        mask_close(&ours);
    }
    mask_close(&asked);
    return decided;
}

/* --- the call --- */

static bool own(struct thread *thread)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (!atomic_exchange(&thread->busy, 1))
            return true;
        if (thread == thread_self)
            return false;
        if (i < YIELDS && call_is_allowed(SYS_sched_yield))
            raw_call(SYS_sched_yield);
        else if (call_is_allowed(SYS_nanosleep))
            sleep_ns(BETWEEN_NS);
    }
    return false;
}

struct thread *arbitrate_begin(pid_t tid)
{
    struct thread *thread = thread_self;
    int saved = errno;
    if (tid && (!thread || atomic_load_explicit(&thread->tid, memory_order_relaxed) != (uint32_t)tid)) {
        atomic_fetch_add(&early, 1);
        thread = thread_find(tid);
    }
    if (thread && !own(thread))
        thread = NULL;
    errno = saved;
    return thread;
}

bool arbitrate_end(struct thread *thread, const struct affinity_call *call, bool succeeded)
{
    int saved = errno;
    pid_t tid = call->tid;
    bool decided = thread != NULL;
    /* the thread may have registered meanwhile and missed the call; who owns it then does this, too */
    if (!thread && tid && succeeded && (thread = thread_find(tid)) != NULL && !own(thread)) {
        settle_work(thread, WORK_MASK);
        thread = NULL;
        decided = true;
    }
    if (thread) {
        if (succeeded && atomic_load(&thread->tid)) {
            decided = arbitrate(thread, call, call->by);
            segment_thread(thread, THREAD_LIVE);
        }
        settle_give_back(thread);
    }
    errno = saved;
    return decided;
}

/* --- birth, and later changes --- */

/* Is the thread's mask only what the kernel let it inherit from its creator? */
static bool is_creators(const struct thread *thread, struct mask *mine, struct mask *creators)
{
    size_t words;
    return sys_get_affinity(0, mine->bits, mine->words, &words) == 0 &&
           sys_get_affinity((pid_t)thread->creator_tid, creators->bits, creators->words, &words) == 0 &&
           mask_equal(mine, creators);
}

static bool has_own_mask(const struct thread *thread)
{
    struct mask mine, creators;
    bool own_mask = false;
    if (thread->mask_by_attribute)
        return true;
    if (mask_open(&mine) < 0)
        return false;
    if (mask_open(&creators) == 0) {
        own_mask = !is_creators(thread, &mine, &creators);
        mask_close(&creators);
    }
    mask_close(&mine);
    return own_mask;
}

bool arbitrate_birth(struct thread *thread)
{
    if (!has_own_mask(thread))
        return false;
    arbitrate(thread, NULL, thread->created_by);
    return true;
}

void arbitrate_again(struct thread *thread)
{
    arbitrate(thread, NULL, NULL);
}

/* --- a choice from before the start --- */

/* Does the set of main's rule have any of these CPUs? Main without a rule may use those of all rules. */
static bool set_has_any(uint32_t rule, const struct mask *chosen)
{
    const struct plan_view *plan = &shim.plan;
    struct mask set;
    if (mask_open(&set) < 0)
        return false;
    plan_mask_expand(plan, rule == PLAN_NONE ? plan->header->main_mask : plan->rules[rule].set_mask, set.bits,
                     set.words);
    bool any = mask_intersects(&set, chosen);
    mask_close(&set);
    return any;
}

bool arbitrate_keeps_start(const struct mask *chosen)
{
    struct thread main = {.main = true, .flags = THREAD_FLAG_MAIN | THREAD_FLAG_NAMED, .creator_slot = PLAN_NONE};
    memcpy(main.name, shim.facts.comm, strnlen(shim.facts.comm, sizeof(main.name) - 1));
    main.rule = decide_rule(&main);
    main.holds_pick = main.rule != PLAN_NONE;
    enum app_affinity choice = choice_of(&main);
    return choice == APP_RESPECT || (choice == APP_CLAMP && set_has_any(main.rule, chosen));
}

/* --- memory --- */

static bool any_node_is_allowed(const struct thread *thread, const uint64_t *nodes)
{
    uint64_t ours[NODE_WORDS];
    plan_mask_expand(&shim.plan, apply_memory_slot(thread)->mem_mask, ours, NODE_WORDS);
    for (size_t i = 0; i < NODE_WORDS; i++)
        if (nodes[i] & ~ours[i])
            return false;
    return true;
}

/* The program's memory policy stays where the rule respects it, and where all of its nodes belong to the place. */
static bool memory_stays(const struct thread *thread)
{
    uint64_t nodes[NODE_WORDS] = {0};
    enum app_affinity choice = choice_of(thread);
    int mode;
    if (choice == APP_RESPECT)
        return true;
    return choice == APP_CLAMP && sys_get_mempolicy(&mode, nodes, NODE_WORDS) == 0 &&
           any_node_is_allowed(thread, nodes);
}

/* Does the plan ask for a memory policy of the thread? */
static bool has_memory_rule(const struct thread *thread)
{
    const struct plan_rule *rule = apply_memory_rule(thread);
    return rule && rule->mem_policy != MEM_DEFAULT;
}

bool arbitrate_memory_again(struct thread *thread)
{
    if (has_memory_rule(thread) && !memory_stays(thread))
        return false;
    if (shim_needs(PLAN_HAS_MEMPOLICY))
        thread_policy_of_program(thread);
    return true;
}

void arbitrate_memory(bool succeeded, bool is_default, const void *by)
{
    struct thread *thread = thread_self;
    int saved = errno;
    if (!succeeded || !thread || !own(thread))
        return;
    bool has_rule = has_memory_rule(thread), stays = !has_rule || memory_stays(thread);
    if (has_rule) {
        if (stays)
            thread_policy_of_program(thread);
        else
            thread_policy_apply(thread);
        tell(thread, EVENT_MEMPOLICY, 0, thread->memory == STANDING_PROGRAM ? REASON_APP_KEPT : REASON_APP_OUTSIDE, by);
        segment_thread(thread, THREAD_LIVE);
    }
    if (thread->main)
        chosen_note_memory(stays && !is_default);
    settle_give_back(thread);
    errno = saved;
}

bool arbitrate_keeps_mbind(void)
{
    bool keeps = true;
    if (!shim_enter())
        return true;
    if (thread_self && thread_self->holds_pick)
        keeps = choice_of(thread_self) != APP_IGNORE;
    shim_leave();
    return keeps;
}
