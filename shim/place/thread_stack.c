#include "shim/place/thread_stack.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/place/apply.h"
#include "shim/place/first_pages.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define TOP_LEAST  ((size_t)16 << 10) /* PTHREAD_STACK_MIN: no stack is smaller, so these pages belong to the stack */
#define PAGES_MOST 16u                /* pages that are checked: a thread has few frames when it begins */

static size_t default_size ON_DATA_PAGE; /* of stacks without attributes; 0: not read yet */

static unsigned wish_of(const struct thread *thread)
{
    return thread->rule == PLAN_NONE ? STACK_DEFAULT : shim.plan.rules[thread->rule].stack;
}

/* PLAN_NONE: the thread's CPUs span several nodes, so it has no home node. */
static uint32_t node_of(const struct thread *thread)
{
    return thread->holds_pick ? shim.plan.slots[thread->pick.slot].home_node : PLAN_NONE;
}

static bool has_one_node(void)
{
    return shim.plan.count[PLAN_NODES] < 2;
}

/* --- the creator --- */

static uint32_t node_here(void)
{
    const struct plan_view *plan = &shim.plan;
    int cpu = sched_getcpu();
    return cpu >= 0 && (uint32_t)cpu < plan->count[PLAN_CPUS] ? plan->cpus[cpu].node : PLAN_NONE;
}

/* Without a policy, pages that the creator touches come from the node that the creator runs on. */
static bool is_local(int mode)
{
    return mode == MPOL_DEFAULT || mode == MPOL_LOCAL;
}

/* pthread_attr_init(3) returns the size that glibc uses when the program asks for no other. */
void stack_start(void)
{
    pthread_attr_t attributes;
    if (default_size || !shim_needs(PLAN_HAS_STACKS | PLAN_HAS_MIGRATE))
        return;
    next_pthread_attr_getstacksize *size_of = NEXT_OR_BIND(pthread_attr_getstacksize);
    if (!size_of || pthread_attr_init(&attributes) != 0)
        return;
    size_of(&attributes, &default_size);
    pthread_attr_destroy(&attributes);
}

static bool next_stack(const pthread_attr_t *attributes, void **ret_start, size_t *ret_size)
{
    next_pthread_attr_getstack *next = NEXT_OR_BIND(pthread_attr_getstack);
    return next && next(attributes, ret_start, ret_size) == 0;
}

static void note_size(struct thread *thread, const pthread_attr_t *attributes)
{
    void *start = NULL;
    size_t size = 0;
    thread->stack_size = 0;
    if (wish_of(thread) == STACK_DEFAULT && !shim_needs(PLAN_HAS_MIGRATE))
        return;
    if (!attributes) {
        thread->stack_size = default_size;
    } else if (next_stack(attributes, &start, &size) && (uintptr_t)start + size == 0) {
        /* without an address glibc counts downwards from 0; a size of 0: the attributes ask for no size either */
        thread->stack_size = size ? size : default_size;
    }
}

static bool names_high_nodes(const uint64_t *nodes)
{
    uint64_t any = 0;
    for (size_t i = 1; i < NODE_WORDS; i++)
        any |= nodes[i];
    return any;
}

static void lend_node(struct thread *thread, struct stack_loan *ret_loan)
{
    uint64_t wanted[NODE_WORDS] = {0};
    uint32_t node = node_of(thread);
    if (wish_of(thread) != STACK_LOCAL || has_one_node() || node >= NODE_WORDS * 64)
        return;
    memset(ret_loan->nodes, 0, sizeof(ret_loan->nodes));
    if (sys_get_mempolicy(&ret_loan->mode, ret_loan->nodes, NODE_WORDS) != 0)
        return;
    if ((is_local(ret_loan->mode) && node_here() == node) || names_high_nodes(ret_loan->nodes))
        return;
    wanted[node / 64] = UINT64_C(1) << node % 64;
    ret_loan->lent = sys_set_mempolicy(MPOL_PREFERRED, wanted, NODE_WORDS) == 0;
    thread->borrows = ret_loan->lent;
    thread->lender_mode = (uint16_t)ret_loan->mode;
    thread->lender_nodes = ret_loan->nodes[0];
}

void stack_prepare(struct thread *thread, const pthread_attr_t *attributes, struct stack_loan *ret_loan)
{
    ret_loan->lent = false;
    if (!shim_needs(PLAN_HAS_STACKS | PLAN_HAS_MIGRATE))
        return;
    note_size(thread, attributes);
    lend_node(thread, ret_loan);
}

void stack_return_node(const struct stack_loan *loan)
{
    if (loan->lent)
        sys_set_mempolicy(loan->mode, loan->nodes, NODE_WORDS);
}

/* --- the thread --- */

void stack_end_loan(struct thread *thread)
{
    uint64_t nodes[NODE_WORDS] = {thread->lender_nodes};
    if (thread->borrows)
        sys_set_mempolicy(thread->lender_mode, nodes, NODE_WORDS);
    thread->borrows = false;
}

/*
 * Virtual scheduling: `used_until` is the time up to which the moves so far have used their share. A burst may run
 * ahead of the clock.
 */
static bool may_move(void)
{
    static _Atomic uint64_t used_until;
    const uint64_t each = NS_PER_S / STACK_MOVES_A_SECOND, ahead = each * STACK_MOVES_AT_ONCE;
    uint64_t now = monotonic_ns(), before = atomic_load_explicit(&used_until, memory_order_relaxed), after;
    do {
        after = (before > now ? before : now) + each;
        if (after - now > ahead)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&used_until, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

struct pages {
    void *at[PAGES_MOST];
    int nodes[PAGES_MOST]; /* or a negative errno: the page is not present */
    size_t count;
};

/* glibc's thread block is at the end of the mapping. */
static uintptr_t stack_end(const struct thread *thread)
{
    if (thread->main)
        return shim.facts.forked ? 0 : first_pages_stack_end();
    return thread->stack_size ? page_floor(thread->thread_pointer) + page_size() : 0;
}

struct stack_area stack_of(const struct thread *thread)
{
    return (struct stack_area){stack_end(thread), thread->main ? default_size : thread->stack_size};
}

/* Lists the pages from this frame to the end of the stack, and at least as many as the smallest stack has. */
static void list_pages(const struct thread *thread, struct pages *pages)
{
    uintptr_t end = stack_end(thread), top = end - page_ceiling(TOP_LEAST);
    uintptr_t start = page_floor((uintptr_t)__builtin_frame_address(0));
    if (start > top)
        start = top;
    if (end - start > PAGES_MOST * page_size())
        start = end - PAGES_MOST * page_size();
    pages->count = 0;
    for (; start < end; start += page_size())
        pages->at[pages->count++] = (void *)start;
}

static bool is_elsewhere(int found, uint32_t node)
{
    return found >= 0 && (uint32_t)found != node;
}

/* Removes the pages that are already on the node. */
static void keep_wrong(struct pages *pages, uint32_t node)
{
    size_t kept = 0;
    for (size_t i = 0; i < pages->count; i++)
        if (is_elsewhere(pages->nodes[i], node))
            pages->at[kept++] = pages->at[i];
    pages->count = kept;
}

static void note(struct thread *thread, enum outcome outcome, enum reason reason)
{
    thread->stack_outcome = (uint8_t)outcome;
    thread->stack_reason = (uint8_t)reason;
}

static void move_to(struct thread *thread, struct pages *pages, uint32_t node)
{
    int targets[PAGES_MOST];
    for (size_t i = 0; i < pages->count; i++)
        targets[i] = (int)node;
    int error = sys_move_pages(pages->count, pages->at, targets, pages->nodes);
    if (error < 0) {
        note(thread, OUTCOME_BEST_EFFORT, reason_of_error(error));
        return;
    }
    if (sys_move_pages(pages->count, pages->at, NULL, pages->nodes) == 0)
        keep_wrong(pages, node);
    note(thread, pages->count ? OUTCOME_BEST_EFFORT : OUTCOME_STRICT, pages->count ? REASON_NOT_MOVED : REASON_OK);
}

static void settle_on_node(struct thread *thread, uint32_t node)
{
    struct pages pages;
    list_pages(thread, &pages);
    int error = sys_move_pages(pages.count, pages.at, NULL, pages.nodes);
    if (error < 0) {
        note(thread, OUTCOME_NONE, reason_of_error(error)); /* the pages were not checked: the outcome claims nothing */
        return;
    }
    keep_wrong(&pages, node);
    if (!pages.count)
        note(thread, OUTCOME_STRICT, REASON_OK);
    else if (!may_move())
        note(thread, OUTCOME_BEST_EFFORT, REASON_BUDGET);
    else
        move_to(thread, &pages, node);
}

static void settle_without_huge_pages(struct thread *thread)
{
    uintptr_t end = stack_end(thread);
    size_t size = page_floor(thread->stack_size);
    int saved = errno;
    if (raw_madvise((void *)(end - size), size, MADV_NOHUGEPAGE) == 0 ||
        errno == EINVAL) /* EINVAL: the kernel has no huge pages */
        note(thread, OUTCOME_STRICT, REASON_OK);
    else
        note(thread, OUTCOME_NONE, reason_of_error(-errno));
    errno = saved;
}

void stack_settle(struct thread *thread)
{
    uint32_t node = node_of(thread);
    unsigned wish = wish_of(thread);
    note(thread, OUTCOME_NOT_ASKED, REASON_NOT_ASKED);
    if (wish == STACK_DEFAULT || thread != thread_self)
        return;
    if (!stack_end(thread) || (thread->main && wish != STACK_LOCAL))
        note(thread, OUTCOME_NONE, REASON_OWN_STACK);
    else if (wish == STACK_THP_OFF)
        settle_without_huge_pages(thread);
    else if (node == PLAN_NONE)
        note(thread, OUTCOME_NONE, REASON_NO_HOME);
    else if (has_one_node())
        note(thread, OUTCOME_STRICT, REASON_OK);
    else if (thread->main)
        first_pages_settle(thread, node);
    else
        settle_on_node(thread, node);
}
