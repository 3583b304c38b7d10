#include "shim/place/thread_policy.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#include "shim/base/state.h"
#include "shim/place/apply.h"
#include "shim/sys/placing.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15 */
#endif
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13) /* Linux 5.12 */
#endif
#define MODE_WEIGHTED_INTERLEAVE 6 /* Linux 6.9; not in the headers of Debian 12 */

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

/* --- the requested policy, and the nearest one --- */

/* A memory policy in the kernel's terms. */
struct wish {
    int mode; /* with its flags */
    uint64_t nodes[NODE_WORDS];
    enum reason reason; /* OK while the wish is what the rule says */
};

#define FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)

static int mode_alone(const struct wish *wish)
{
    return wish->mode & ~FLAGS;
}

static void become(struct wish *wish, int mode, enum reason reason)
{
    wish->mode = mode | (mode == MPOL_LOCAL ? 0 : wish->mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES));
    if (mode == MPOL_PREFERRED)
        keep_lowest(wish->nodes); /* as the kernel would do; then the read-back can be compared */
    if (mode == MPOL_LOCAL)
        memset(wish->nodes, 0, sizeof(wish->nodes));
    wish->reason = reason;
}

/*
 * The kernel answers EINVAL both to nodes that are not in the cpuset (any more) and to modes that an older kernel does
 * not know. Takes the next step down. false: there is none.
 */
static bool step_down(struct wish *wish)
{
    switch (mode_alone(wish)) {
    case MPOL_PREFERRED_MANY:
        become(wish, MPOL_PREFERRED, REASON_OLD_KERNEL);
        return true;
    case MODE_WEIGHTED_INTERLEAVE:
        become(wish, MPOL_INTERLEAVE, REASON_OLD_KERNEL);
        return true;
    case MPOL_BIND:
        if (wish->mode & MPOL_F_NUMA_BALANCING) {
            wish->mode &= ~MPOL_F_NUMA_BALANCING;
            wish->reason = REASON_OLD_KERNEL;
        } else {
            become(wish, MPOL_PREFERRED, REASON_NOT_BOUND);
        }
        return true;
    case MPOL_PREFERRED:
    case MPOL_INTERLEAVE:
        become(wish, MPOL_LOCAL, wish->reason == REASON_NOT_BOUND ? REASON_NOT_BOUND : REASON_MEM_NODE);
        return true;
    default:
        return false;
    }
}

static int ask(const struct wish *wish, void *start, size_t size)
{
    bool names_nodes = mode_alone(wish) != MPOL_LOCAL && mode_alone(wish) != MPOL_DEFAULT;
    if (start)
        return sys_bind_memory(start, size, wish->mode, wish->nodes, names_nodes ? NODE_WORDS : 0);
    return sys_set_mempolicy(wish->mode, names_nodes ? wish->nodes : NULL, names_nodes ? NODE_WORDS : 0);
}

/*
 * Sets the wish or the nearest policy, and stores in *wish what was set. start NULL means the calling thread. Returns 0
 * or a negative errno.
 */
static int set_nearest(struct wish *wish, void *start, size_t size)
{
    int error = ask(wish, start, size);
    while (error == -EINVAL && step_down(wish))
        error = ask(wish, start, size);
    return error;
}

int memory_bind(void *start, size_t size, unsigned policy, uint64_t *nodes, int *ret_mode, enum reason *reason)
{
    struct wish wish = {.reason = *reason};
    memcpy(wish.nodes, nodes, sizeof(wish.nodes));
    become(&wish, kernel_mode(policy), *reason);
    int error = set_nearest(&wish, start, size);
    memcpy(nodes, wish.nodes, sizeof(wish.nodes));
    *ret_mode = wish.mode;
    *reason = wish.reason;
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

bool memory_is_as_asked(int asked_mode, const uint64_t *asked, int mode, const uint64_t *nodes)
{
    if (asked_mode == MPOL_LOCAL) /* before Linux 5.14 it reads back as "preferred, no node" */
        return mode == MPOL_LOCAL || (mode == MPOL_PREFERRED && nodes_empty(nodes));
    return mode == asked_mode && nodes_equal(nodes, asked);
}

/* Notes the policy, which commands later compare with the kernel's answer. */
static void note_policy(struct thread *thread, int mode, const uint64_t *nodes)
{
    thread->got_policy = (uint16_t)mode;
    thread->got_nodes = nodes[0];
    thread->got_more_nodes = false;
    for (size_t i = 1; i < NODE_WORDS; i++)
        thread->got_more_nodes = thread->got_more_nodes || nodes[i];
}

static void forget_policy(struct thread *thread)
{
    thread->got_policy = GOT_NO_POLICY;
}

void thread_policy_of_program(struct thread *thread)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode;
    thread->memory = STANDING_PROGRAM;
    note_memory(thread, OUTCOME_BEST_EFFORT, REASON_APP_KEPT);
    if (sys_get_mempolicy(&mode, nodes, NODE_WORDS) == 0)
        note_policy(thread, mode, nodes);
    else
        forget_policy(thread);
}

static void read_memory_back(struct thread *thread, int asked_mode, const uint64_t *asked, enum reason reason)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode = 0, error = sys_get_mempolicy(&mode, nodes, NODE_WORDS);
    if (error) {
        forget_policy(thread);
        note_memory(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        apply_refused(thread, CALL_GET_MEMPOLICY, error);
        return;
    }
    note_policy(thread, mode, nodes);
    if (!memory_is_as_asked(asked_mode, asked, mode, nodes))
        note_memory(thread, OUTCOME_BEST_EFFORT, mode == asked_mode ? REASON_NARROWED : REASON_CHANGED);
    else
        note_memory(thread, reason == REASON_OK ? OUTCOME_STRICT : OUTCOME_BEST_EFFORT, reason);
}

static void count_among(uint64_t *nodes, const uint64_t *allowed)
{
    uint64_t positions[NODE_WORDS] = {0};
    unsigned position = 0;
    for (unsigned id = 0; id < NODE_WORDS * 64; id++) {
        if (!(allowed[id / 64] >> id % 64 & 1))
            continue;
        if (nodes[id / 64] >> id % 64 & 1)
            positions[position / 64] |= UINT64_C(1) << position % 64;
        position++;
    }
    memcpy(nodes, positions, sizeof(positions));
}

/* The flags refer to named nodes. */
static void add_flags(struct wish *wish, const struct plan_rule *rule)
{
    uint64_t allowed[NODE_WORDS] = {0};
    int mode = wish->mode;
    if (mode == MPOL_LOCAL)
        return;
    if ((rule->flags & PLAN_RULE_BALANCING) && mode == MPOL_BIND)
        wish->mode |= MPOL_F_NUMA_BALANCING;
    if (rule->node_ids == NODE_IDS_STATIC)
        wish->mode |= MPOL_F_STATIC_NODES;
    if (rule->node_ids == NODE_IDS_RELATIVE && sys_get_allowed_nodes(allowed, NODE_WORDS) == 0) {
        wish->mode |= MPOL_F_RELATIVE_NODES;
        count_among(wish->nodes, allowed);
    }
}

static struct wish wish_of(const struct plan_rule *rule, const struct plan_slot *slot)
{
    struct wish wish = {.mode = 0};
    plan_mask_expand(&shim.plan, slot->mem_mask, wish.nodes, NODE_WORDS);
    become(&wish, kernel_mode(rule->mem_policy), rule->mem_reason);
    add_flags(&wish, rule);
    return wish;
}

static void set_memory(struct thread *thread, const struct plan_rule *rule)
{
    struct wish wish = wish_of(rule, apply_memory_slot(thread));
    int error = set_nearest(&wish, NULL, 0);
    if (error) {
        forget_policy(thread);
        note_memory(thread, OUTCOME_NONE, reason_of_error(error));
        apply_refused(thread, CALL_SET_MEMPOLICY, error);
        return;
    }
    thread->memory = STANDING_RULE;
    read_memory_back(thread, wish.mode, wish.nodes, wish.reason);
}

/* --- enforcement = "hard" --- */

static enum reason try_one(const struct wish *wish)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode = 0, error = ask(wish, NULL, 0);
    if (!error)
        error = sys_get_mempolicy(&mode, nodes, NODE_WORDS);
    if (error)
        return reason_of_error(error);
    return memory_is_as_asked(wish->mode, wish->nodes, mode, nodes) ? REASON_OK : REASON_NARROWED;
}

enum reason thread_policy_try(const struct plan_rule *rule)
{
    const struct base_state *base = &shim.base;
    const struct plan_slot *slots = shim.plan.slots;
    enum reason reason = REASON_OK;
    if (rule->mem_policy == MEM_DEFAULT)
        return REASON_OK;
    if (!base->has_memory_policy)
        return REASON_NO_MEMPOLICY;
    for (uint32_t i = rule->slot_first; i < rule->slot_first + rule->slot_count && reason == REASON_OK; i++) {
        if (i > rule->slot_first && slots[i].mem_mask == slots[i - 1].mem_mask)
            continue;
        struct wish wish = wish_of(rule, &slots[i]);
        reason = wish.reason == REASON_OK ? try_one(&wish) : wish.reason;
    }
    sys_set_mempolicy(base->memory_mode, base->memory_nodes, NODE_WORDS);
    return reason;
}

/* --- what main handed on --- */

bool thread_policy_is_mains(int mode, const uint64_t *nodes)
{
    uint32_t shared = shim.plan.header->main_memory;
    if (shared == PLAN_NONE)
        return false;
    const struct plan_rule *rule = &shim.plan.rules[shared];
    struct wish wish = wish_of(rule, &shim.plan.slots[rule->slot_first]);
    do {
        if (memory_is_as_asked(wish.mode, wish.nodes, mode, nodes))
            return true;
    } while (step_down(&wish));
    return false;
}

/* --- the policy of a thread --- */

static void restore_memory(struct thread *thread)
{
    const struct base_state *base = &shim.base;
    note_memory(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
    forget_policy(thread);
    if (thread->memory == STANDING_BASE || !base->has_memory_policy)
        return;
    int error = sys_set_mempolicy(base->memory_mode, base->memory_nodes, NODE_WORDS);
    if (error) {
        note_memory(thread, OUTCOME_NONE, reason_of_error(error));
        apply_refused(thread, CALL_SET_MEMPOLICY, error);
        return;
    }
    thread->memory = STANDING_BASE;
}

void thread_policy_apply(struct thread *thread)
{
    const struct plan_rule *rule = apply_memory_rule(thread);
    bool asked = rule && rule->mem_policy != MEM_DEFAULT;
    /* where it has one all the same it is that of the plan before a reload, and goes */
    if (!shim_needs(PLAN_HAS_MEMPOLICY) && thread->memory != STANDING_RULE)
        return;
    if (thread != thread_self && (asked || thread->memory != STANDING_BASE)) {
        note_memory(thread, OUTCOME_PENDING, REASON_OK);
        return;
    }
    if (!asked)
        restore_memory(thread);
    else if (!shim.base.has_memory_policy)
        note_memory(thread, OUTCOME_NONE, REASON_NO_MEMPOLICY);
    else
        set_memory(thread, rule);
}
