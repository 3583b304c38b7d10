#include "shim/place/apply.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#include "shim/place/mask.h"
#include "shim/place/rename.h"
#include "shim/state.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/segment.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15 */
#endif
#define MODE_WEIGHTED_INTERLEAVE 6 /* Linux 6.9; not in the headers of Debian 12 */

enum reason reason_of_error(int error)
{
    switch (error) {
    case -EPERM:
    case -EACCES:
        return REASON_EPERM;
    case -ENOSYS:
        return REASON_ENOSYS;
    case -EINVAL:
        return REASON_EINVAL;
    case -ESRCH:
        return REASON_ESRCH;
    default:
        return REASON_ERRNO;
    }
}

static const struct plan_rule *rule_of(const struct thread *thread)
{
    return thread->holds_pick ? &nw_shim.plan.rules[thread->rule] : NULL;
}

/* What the call is made with: 0 is "myself" and spares the kernel the look-up. */
static pid_t target_tid(const struct thread *thread)
{
    return thread == nw_self ? 0 : (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);
}

static void refused(struct thread *thread, enum placing_call call, int error)
{
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

/* The mask that the record asks for, before what the process was started with is taken into account. */
static void wanted_mask(struct thread *thread, enum standing standing, struct mask *mask)
{
    bool shared = false;

    if (standing == STANDING_RULE) {
        pick_mask(&nw_shim.plan, &nw_shim.occupancy, thread->pick, mask->bits, mask->words, &shared);
        thread->flags &= (uint8_t) ~(THREAD_FLAG_SHARED | THREAD_FLAG_CLAIMS);
        thread->flags |= (uint8_t)((shared ? THREAD_FLAG_SHARED : 0) | (thread->pick.claims ? THREAD_FLAG_CLAIMS : 0));
    } else if (standing == STANDING_UNION) {
        plan_mask_expand(&nw_shim.plan, nw_shim.plan.header->main_mask, mask->bits, mask->words);
    } else {
        mask_copy(mask, nw_shim.base.mask);
    }
}

/* strict or best_effort for a mask that was set as asked; the plan's and the pick's own reasons first. */
static void note_granted(struct thread *thread)
{
    const struct plan_rule *rule = rule_of(thread);

    if (!rule)
        note_cpus(thread, OUTCOME_STRICT, REASON_OK);
    else if (rule->set_reason == REASON_EMPTY_SET || rule->set_reason == REASON_NO_DEVICE)
        note_cpus(thread, OUTCOME_BEST_EFFORT, rule->set_reason);
    else if (thread->pick.reason == REASON_NO_FREE_SLOT)
        note_cpus(thread, OUTCOME_BEST_EFFORT, REASON_NO_FREE_SLOT);
    else if (thread->flags & THREAD_FLAG_SHARED)
        note_cpus(thread, OUTCOME_BEST_EFFORT, REASON_SHARED_CPU);
    else
        /* met to the letter; a reason may still say that the place is crowded or another alternative */
        note_cpus(thread, OUTCOME_STRICT, thread->pick.reason ? thread->pick.reason : rule->set_reason);
}

static void read_back(struct thread *thread, const struct mask *asked, bool limited)
{
    struct mask got;
    size_t words;
    unsigned weight;
    int error;

    if (!mask_open(&got))
        return;
    error = sys_get_affinity(target_tid(thread), got.bits, got.words, &words);
    if (error) {
        note_cpus(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        refused(thread, CALL_SCHED_GETAFFINITY, error);
        mask_close(&got);
        return;
    }
    weight = mask_weight(&got);
    thread->got_cpus = weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX;
    if (!mask_equal(&got, asked))
        note_cpus(thread, OUTCOME_BEST_EFFORT, mask_is_subset(&got, asked) ? REASON_NARROWED : REASON_CHANGED);
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
    mask_close(&got);
}

static void set_cpus(struct thread *thread, enum standing standing, struct mask *asked)
{
    unsigned wanted, usable;
    int error;

    wanted_mask(thread, standing, asked);
    wanted = mask_weight(asked);
    mask_and(asked, nw_shim.base.mask); /* never beyond what the process was started with */
    usable = mask_weight(asked);
    if (!usable) {
        /* nothing of the plan is left here: as if there were no rule */
        mask_copy(asked, nw_shim.base.mask);
        error = sys_set_affinity(target_tid(thread), asked->bits, asked->words);
        thread->cpus = STANDING_BASE;
        note_cpus(thread, OUTCOME_NONE, error ? reason_of_error(error) : REASON_EMPTY_SET);
        return;
    }
    error = sys_set_affinity(target_tid(thread), asked->bits, asked->words);
    if (error) {
        note_cpus(thread, OUTCOME_NONE, reason_of_error(error));
        refused(thread, CALL_SCHED_SETAFFINITY, error);
        return;
    }
    thread->cpus = (uint8_t)standing;
    read_back(thread, asked, usable < wanted);
}

void apply_cpus(struct thread *thread, enum standing otherwise)
{
    enum standing standing = thread->holds_pick ? STANDING_RULE : otherwise;
    struct mask asked;

    thread->home_node = thread->holds_pick ? nw_shim.plan.slots[thread->pick.slot].home_node : UINT32_MAX;
    if (standing == STANDING_BASE && thread->cpus == STANDING_BASE) {
        /* inherited untouched, perhaps changed by the program itself: not ours to change */
        note_cpus(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
        return;
    }
    if (!mask_open(&asked)) {
        note_cpus(thread, OUTCOME_NONE, REASON_ERRNO);
        return;
    }
    set_cpus(thread, standing, &asked);
    mask_close(&asked);
    if (standing == STANDING_BASE && thread->cpu_outcome == OUTCOME_STRICT)
        note_cpus(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
}

/* --- memory policy --- */

static int kernel_mode(unsigned policy)
{
    static const int modes[MEM_COUNT] = {
        [MEM_DEFAULT] = MPOL_DEFAULT,
        [MEM_LOCAL] = MPOL_LOCAL,
        [MEM_BIND] = MPOL_BIND,
        [MEM_PREFERRED] = MPOL_PREFERRED,
        [MEM_PREFERRED_MANY] = MPOL_PREFERRED_MANY,
        [MEM_INTERLEAVE] = MPOL_INTERLEAVE,
        [MEM_WEIGHTED_INTERLEAVE] = MODE_WEIGHTED_INTERLEAVE,
    };

    return modes[policy];
}

static void keep_lowest(uint64_t *nodes)
{
    bool found = false;

    for (size_t i = 0; i < NODE_WORDS; i++) {
        nodes[i] = found ? 0 : nodes[i] & -nodes[i];
        found = found || nodes[i];
    }
}

static int set_mode(int mode, const uint64_t *nodes)
{
    return mode == MPOL_LOCAL || mode == MPOL_DEFAULT ? sys_set_mempolicy(mode, NULL, 0)
                                                      : sys_set_mempolicy(mode, nodes, NODE_WORDS);
}

/* Older kernels answer EINVAL for a mode that they do not know. false: there is nothing near it. */
static bool fall_back(int *mode, uint64_t *nodes, enum reason *ret_reason)
{
    if (*mode == MPOL_PREFERRED_MANY) {
        *mode = MPOL_PREFERRED;
        keep_lowest(nodes);
    } else if (*mode == MODE_WEIGHTED_INTERLEAVE) {
        *mode = MPOL_INTERLEAVE;
    } else {
        return false;
    }
    *ret_reason = REASON_OLD_KERNEL;
    return true;
}

/* *mode and nodes become what was set. */
static int set_with_fallback(int *mode, uint64_t *nodes, enum reason *ret_reason)
{
    int error = set_mode(*mode, nodes);

    return error == -EINVAL && fall_back(mode, nodes, ret_reason) ? set_mode(*mode, nodes) : error;
}

int memory_bind(void *start, size_t size, unsigned policy, uint64_t *nodes, int *ret_mode, enum reason *reason)
{
    int mode = kernel_mode(policy), error;

    if (mode == MPOL_PREFERRED)
        keep_lowest(nodes);
    if (mode == MPOL_LOCAL)
        memset(nodes, 0, NODE_WORDS * 8);
    error = sys_bind_memory(start, size, mode, nodes, mode == MPOL_LOCAL ? 0 : NODE_WORDS);
    if (error == -EINVAL && fall_back(&mode, nodes, reason))
        error = sys_bind_memory(start, size, mode, nodes, NODE_WORDS);
    *ret_mode = mode;
    return error;
}

static bool nodes_equal(const uint64_t *a, const uint64_t *b)
{
    return memcmp(a, b, NODE_WORDS * 8) == 0;
}

static bool nodes_empty(const uint64_t *nodes)
{
    static const uint64_t none[NODE_WORDS];

    return nodes_equal(nodes, none);
}

static void note_memory(struct thread *thread, enum outcome outcome, enum reason reason)
{
    thread->memory_outcome = (uint8_t)outcome;
    thread->memory_reason = (uint8_t)reason;
}

static void read_memory_back(struct thread *thread, int asked_mode, const uint64_t *asked, enum reason reason)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode = 0, error = sys_get_mempolicy(&mode, nodes, NODE_WORDS);
    bool same;

    if (error) {
        note_memory(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        refused(thread, CALL_GET_MEMPOLICY, error);
        return;
    }
    thread->got_policy = (uint8_t)mode;
    if (asked_mode == MPOL_LOCAL) /* before Linux 5.14 it reads back as "preferred, no node" */
        same = mode == MPOL_LOCAL || (mode == MPOL_PREFERRED && nodes_empty(nodes));
    else
        same = mode == asked_mode && nodes_equal(nodes, asked);
    if (!same)
        note_memory(thread, OUTCOME_BEST_EFFORT, mode == asked_mode ? REASON_NARROWED : REASON_CHANGED);
    else
        note_memory(thread, reason == REASON_OK ? OUTCOME_STRICT : OUTCOME_BEST_EFFORT, reason);
}

static void set_memory(struct thread *thread, const struct plan_rule *rule)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode = kernel_mode(rule->mem_policy), error;
    enum reason reason = rule->mem_reason;

    plan_mask_expand(&nw_shim.plan, nw_shim.plan.slots[thread->pick.slot].mem_mask, nodes, NODE_WORDS);
    if (mode == MPOL_PREFERRED)
        keep_lowest(nodes); /* what the kernel would do; so that the read-back can be compared */
    if (mode == MPOL_LOCAL)
        memset(nodes, 0, sizeof(nodes));
    error = set_with_fallback(&mode, nodes, &reason);
    if (error) {
        note_memory(thread, OUTCOME_NONE, reason_of_error(error));
        refused(thread, CALL_SET_MEMPOLICY, error);
        return;
    }
    if (mode == MODE_WEIGHTED_INTERLEAVE && rule->weights_count)
        reason = REASON_NOT_SERVED; /* the weights are the machine's, in /sys; a process does not set them */
    thread->memory = STANDING_RULE;
    read_memory_back(thread, mode, nodes, reason);
}

static void restore_memory(struct thread *thread)
{
    const struct base_state *base = &nw_shim.base;
    int error;

    note_memory(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
    if (thread->memory == STANDING_BASE || !base->has_memory_policy)
        return;
    error = sys_set_mempolicy(base->memory_mode, base->memory_nodes, NODE_WORDS);
    if (error) {
        note_memory(thread, OUTCOME_NONE, reason_of_error(error));
        refused(thread, CALL_SET_MEMPOLICY, error);
        return;
    }
    thread->memory = STANDING_BASE;
}

void apply_memory(struct thread *thread)
{
    const struct plan_rule *rule = rule_of(thread);
    bool asked = rule && rule->mem_policy != MEM_DEFAULT;

    if (!shim_needs(PLAN_HAS_MEMPOLICY))
        return;
    if (thread != nw_self && (asked || thread->memory != STANDING_BASE)) {
        note_memory(thread, OUTCOME_PENDING, REASON_OK);
        return;
    }
    if (!asked)
        restore_memory(thread);
    else if (!nw_shim.base.has_memory_policy)
        note_memory(thread, OUTCOME_NONE, REASON_NO_MEMPOLICY);
    else
        set_memory(thread, rule);
}

/* --- name --- */

void apply_rename(struct thread *thread)
{
    const struct plan_rule *rule = rule_of(thread);
    uint32_t number;
    int error;

    if (!rule || !rule->rename || !thread->unnamed || thread->main || thread != nw_self)
        return;
    number = atomic_fetch_add_explicit(&nw_shim.renamed[thread->rule], 1, memory_order_relaxed) + 1;
    rename_compose(thread->name, plan_text(&nw_shim.plan, rule->rename), plan_text(&nw_shim.plan, rule->name), number);
    error = sys_set_name(thread->name);
    if (error) {
        memcpy(thread->name, thread->creator_name, sizeof(thread->name));
        refused(thread, CALL_SET_NAME, error);
        return;
    }
    thread->flags |= THREAD_FLAG_RENAMED;
    segment_rule_renamed(thread->rule);
    segment_count(COUNT_RENAMES);
}
