/*
 * Claims and placements use a handshake. A thread that picks an exclusive slot raises `claims` and then visits all
 * records. A thread that is being placed publishes its pick, computes its mask from the claimed CPUs, sets it, and then
 * checks whether `claims` has changed meanwhile. All four accesses are seq_cst, so either the visit finds the thread or
 * the thread sees the claim. Both may happen, which costs one more system call.
 */
#include "shim/place/settle.h"

#include <sched.h>
#include <string.h>

#include "shim/arena/arena.h"
#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/memory/relocation.h"
#include "shim/place/apply.h"
#include "shim/place/arbitrate.h"
#include "shim/place/board_file.h"
#include "shim/place/counted.h"
#include "shim/place/decide.h"
#include "shim/place/order.h"
#include "shim/place/place.h"
#include "shim/place/thread_policy.h"
#include "shim/place/thread_stack.h"
#include "shim/sys/placing.h"
#include "shim/sys/spin.h"

static _Atomic uint32_t next_ticket ON_DATA_PAGE; /* number of the next pick, see order.h */
static _Atomic uint32_t picking ON_DATA_PAGE;     /* a thread is at its pick */
static _Atomic uint32_t claims ON_DATA_PAGE;      /* raised after each new exclusive claim */

#define PICK_SPINS 4096 /* some 100 us */

/* --- slots --- */

/* Keeps times only where a rule rebalances. */
static void note_time(struct thread *thread)
{
    if (shim_needs(PLAN_HAS_STEAL))
        thread->placed_at = monotonic_ns();
}

/* The arenas read the node here when the rule names the nodes. They cannot ask the plan, which may be changing. */
static void note_place(struct thread *thread)
{
    thread->memory_node = plan_mask_first(&shim.plan, shim.plan.slots[thread->pick.slot].mem_mask);
    thread->holds_pick = true;
    note_time(thread);
}

/*
 * For the calling thread, and one that it is making: does the slot include the CPU that it runs on? For another thread:
 * is the slot on its home node?
 */
static bool is_around(const struct thread *thread, const struct plan_slot *slot, int cpu)
{
    if (thread == thread_self || !atomic_load_explicit(&thread->tid, memory_order_relaxed))
        return cpu >= 0 && plan_mask_has(&shim.plan, slot->mask, (unsigned)cpu);
    return thread->home_node != PLAN_NONE && slot->home_node == thread->home_node;
}

/*
 * The one place of `primary` is where its first thread was made, if its maker has none, as main without a rule.
 *
 * Main has no creator in its own process to be near to. It stays where it is, because the kernel balances at exec and
 * at fork, and the pages that the loader has touched are there. The first slot in order would be the same one for every
 * process.
 */
static uint32_t slot_near(const struct thread *thread)
{
    const struct plan_rule *rule = &shim.plan.rules[thread->rule];
    if (!thread->main && (thread->creator_slot != PLAN_NONE || rule->distribution != DIST_PRIMARY))
        return thread->creator_slot;
    if (!shim.facts.forked && !pick_keeps_start(&shim.plan, thread->rule))
        return PLAN_NONE;
    int cpu = sched_getcpu();
    for (uint32_t slot = rule->slot_first; slot < rule->slot_first + rule->slot_count; slot++)
        if (is_around(thread, &shim.plan.slots[slot], cpu))
            return slot;
    return PLAN_NONE;
}

/*
 * One pick at a time, so that the tickets have the order of the picks. False: another one takes too long, which may be
 * that of a thread whose signal handler this is. Then the picks overlap, which costs no more than the announced order.
 */
static bool begin_pick(void)
{
    for (unsigned i = 0; i < PICK_SPINS; i++) {
        if (!atomic_load_explicit(&picking, memory_order_relaxed) &&
            !atomic_exchange_explicit(&picking, 1, memory_order_acquire))
            return true;
        spin_once();
    }
    return false;
}

static void end_pick(bool begun)
{
    if (begun)
        atomic_store_explicit(&picking, 0, memory_order_release);
}

void settle_forked(void)
{
    atomic_store_explicit(&picking, 0, memory_order_relaxed);
}

static void take_next_slot(struct thread *thread)
{
    if (thread->rule == PLAN_NONE)
        return;
    uint32_t near = slot_near(thread);
    bool begun = begin_pick();
    thread->pick = pick_slot(&shim.plan, &shim.occupancy, thread->rule, near);
    thread->ticket = atomic_fetch_add_explicit(&next_ticket, 1, memory_order_relaxed);
    end_pick(begun);
    note_place(thread);
}

/* Servers fork many equal children, which the number of the fork spreads. PLAN_NONE: the rule's order decides. */
static uint32_t slot_of_fork(const struct thread *thread)
{
    if (!thread->main || !shim.facts.forked || thread->rule == PLAN_NONE)
        return PLAN_NONE;
    uint32_t number = atomic_load_explicit(&shim.forks, memory_order_relaxed) - 1;
    for (uint32_t i = 0; i < shim.plan.rules[thread->rule].slot_count; i++) {
        uint32_t slot = pick_nth(&shim.plan, thread->rule, number + i);
        if (slot == PLAN_NONE || pick_is_usable(&shim.plan, &shim.occupancy, slot))
            return slot;
    }
    return PLAN_NONE;
}

static void take_slot(struct thread *thread, uint32_t slot)
{
    thread->pick = pick_this(&shim.plan, &shim.occupancy, slot);
    note_place(thread);
}

void settle_choose(struct thread *thread, enum reason moment)
{
    uint32_t slot = slot_of_fork(thread);
    bool exchanges = slot == PLAN_NONE && thread->rule != PLAN_NONE && board_file_begin();
    if (slot != PLAN_NONE)
        take_slot(thread, slot);
    else
        take_next_slot(thread);
    if (exchanges)
        board_file_end();
    if (thread->holds_pick)
        thread->why = (uint8_t)moment;
    else
        thread->why = thread->main ? REASON_MAIN_UNION : REASON_BASE;
}

void settle_drop(struct thread *thread)
{
    if (thread->holds_pick)
        pick_release(&shim.plan, &shim.occupancy, thread->pick);
    thread->holds_pick = false;
}

/* --- claims --- */

/* Gives the record WORK_CLAIMS if its slot includes some of the newly claimed CPUs. */
static void make_way(struct thread *thread, void *claimer);

static void announce_claim(struct thread *claimer)
{
    atomic_fetch_add(&claims, 1);
    thread_each(make_way, claimer);
}

/* --- execution --- */

static void apply_until_settled(struct thread *thread, enum standing otherwise)
{
    uint32_t before;
    do {
        before = atomic_load(&claims);
        apply_cpus(thread, otherwise);
    } while (thread->holds_pick && atomic_load(&claims) != before);
}

static bool has_usable_place(const struct thread *thread)
{
    return pick_is_usable(&shim.plan, &shim.occupancy, thread->pick.slot);
}

/*
 * The cpuset of the process is smaller than was known: it became so, or a mask at the start that the plan gives out was
 * taken for that of a placed thread. Chooses once more, of the places inside.
 */
static void apply_inside(struct thread *thread, enum standing otherwise)
{
    apply_until_settled(thread, otherwise);
    if (!thread->holds_pick || thread->cpu_reason != REASON_EINVAL || !apply_learn_cpuset(thread) ||
        has_usable_place(thread))
        return;
    enum reason moment = (enum reason)thread->why;
    settle_drop(thread);
    settle_choose(thread, moment);
    if (!has_usable_place(thread))
        return;
    if (thread->pick.claims)
        announce_claim(thread);
    apply_until_settled(thread, otherwise);
}

void settle_carry_out(struct thread *thread)
{
    if (thread->holds_pick && thread->pick.claims)
        announce_claim(thread);
    if (thread->chose_mask)
        arbitrate_again(thread);
    else if (!thread->given_mask || !arbitrate_birth(thread))
        apply_inside(thread, thread->main ? STANDING_UNION : STANDING_BASE);
    if (!thread->chose_memory || !arbitrate_memory_again(thread))
        thread_policy_apply(thread);
    if (shim_needs(PLAN_HAS_STACKS))
        stack_settle(thread);
    thread->flags &= (uint8_t)~THREAD_FLAG_UNION;
    if (thread->cpus == STANDING_UNION)
        thread->flags |= THREAD_FLAG_UNION;
    segment_rule_entered(thread->rule);
    segment_rule_outcome(thread->rule, thread->cpu_outcome, thread->memory_outcome,
                         thread->memory_outcome == OUTCOME_PENDING
                             ? STEP_NOT_ASKED /* counted when the outcome is known */
                             : step_of(thread->cpu_outcome, thread->memory_outcome));
}

void settle_tell(struct thread *thread, enum segment_event_kind kind, uint32_t value)
{
    segment_thread(thread, THREAD_LIVE);
    segment_event(&(struct event){
        .kind = kind,
        .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed),
        .rule = thread->rule,
        .value = value,
        .outcome = thread->cpu_outcome,
        .reason = kind == EVENT_PLACED ? thread->why : thread->cpu_reason,
        .text = thread->name,
    });
}

/* Carries out a choice and reports it. The thread's memory follows from its old home node. */
void settle_arrive(struct thread *thread, uint32_t old_home)
{
    settle_carry_out(thread);
    arena_rule_changed(thread);
    if (shim_needs(PLAN_HAS_MIGRATE | PLAN_HAS_SHARING))
        relocation_thread_moved(thread, old_home, stack_of(thread));
    settle_tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
}

/*
 * Moves the thread to another rule, to another slot of its rule, or again to the same rule after a fork. The old place
 * is given back before a new one is chosen. slot: the slot to take, or PLAN_NONE.
 */
static void move(struct thread *thread, uint32_t rule, uint32_t slot, enum reason moment)
{
    uint32_t old_home = thread->home_node;
    settle_drop(thread);
    segment_rule_left(thread->rule);
    thread->rule = rule;
    if (slot == PLAN_NONE) {
        settle_choose(thread, moment);
    } else {
        take_slot(thread, slot);
        thread->why = (uint8_t)moment;
    }
    if (shim.segment_due && thread->holds_pick)
        place_show_main();
    settle_arrive(thread, old_home);
}

/* --- work on an owned record --- */

/* Another thread set a name during the shim's `rename`. The program's name takes precedence. */
static void restore_program_name(const char *theirs, const char *ours)
{
    char now[16] = "";
    sys_get_name(now);
    if (!strcmp(now, ours) && strcmp(now, theirs) != 0)
        sys_set_name(theirs);
}

static void take_new_name(struct thread *thread)
{
    uint64_t halves[2] = {atomic_load_explicit(&thread->new_name[0], memory_order_relaxed),
                          atomic_load_explicit(&thread->new_name[1], memory_order_relaxed)};
    char ours[16];
    memcpy(ours, thread->name, sizeof(ours));
    memcpy(thread->name, halves, sizeof(thread->name));
    thread->name[sizeof(thread->name) - 1] = '\0';
    if (thread == thread_self && (thread->flags & THREAD_FLAG_RENAMED))
        restore_program_name(thread->name, ours);
    /*
     * a thread inherits its creator's name, so an unnamed thread cannot be told from one that was given the same name
     */
    thread->unnamed = !thread->main && !strcmp(thread->name, thread->creator_name);
    thread->flags &= (uint8_t) ~(THREAD_FLAG_NAMED | THREAD_FLAG_RENAMED);
    if (!thread->unnamed)
        thread->flags |= THREAD_FLAG_NAMED;
}

/*
 * The place, or the CPUs that other threads leave free of it, has changed. A mask of the program is judged again, not
 * overwritten.
 */
static void apply_again(struct thread *thread)
{
    if (thread->cpus == STANDING_PROGRAM)
        arbitrate_again(thread);
    else
        apply_until_settled(thread, STANDING_BASE);
}

static void exchanged(struct thread *thread)
{
    apply_again(thread);
    settle_tell(thread, EVENT_PLACED, thread->pick.slot);
}

static void released(struct thread *thread)
{
    settle_work(thread, 0);
}

static void work_order(struct thread *thread)
{
    if (thread->ordered && thread->holds_pick)
        order_settle(thread, exchanged, released);
}

static void work_name(struct thread *thread)
{
    take_new_name(thread);
    segment_count(COUNT_RENAMES);
    settle_tell(thread, EVENT_RENAMED, 0);
    if (!shim_needs(PLAN_NEEDS_NAMES))
        return;
    uint32_t rule = decide_rule(thread);
    if (rule != thread->rule) {
        move(thread, rule, PLAN_NONE, REASON_RENAME);
        thread->ordered = !thread->named_before && !thread->main;
        work_order(thread);
    }
    thread->named_before = true;
}

static void work_match(struct thread *thread)
{
    uint32_t rule = decide_rule(thread);
    if (rule != thread->rule)
        move(thread, rule, PLAN_NONE, REASON_TITLE);
}

static void work_check(struct thread *thread)
{
    if (apply_check(thread))
        segment_thread(thread, THREAD_LIVE);
}

static void work_claims(struct thread *thread)
{
    if (!thread->holds_pick)
        return;
    apply_again(thread);
    settle_tell(thread, EVENT_CLAIMED, thread->got_cpus);
}

static void work_end(struct thread *thread)
{
    settle_drop(thread);
    counted_in_place(thread);
    board_file_ended();
    segment_rule_left(thread->rule);
    segment_count(COUNT_ENDED);
    segment_thread(thread, THREAD_ENDED);
}

/* During a reload the worker owns all records. It does the pending work when it gives them back. */
static bool is_paused(void)
{
    return atomic_load_explicit(&shim.phase, memory_order_acquire) == PHASE_PAUSED;
}

static bool placing_is_over(void)
{
    return atomic_load_explicit(&shim.phase, memory_order_acquire) != PHASE_ACTIVE;
}

static void work_mask(struct thread *thread)
{
    arbitrate_again(thread);
    segment_thread(thread, THREAD_LIVE);
}

/*
 * Does the pending work while the record is free. It never waits, because the owner of a busy record does this work as
 * well.
 */
void settle_work(struct thread *thread, unsigned work)
{
    if (work)
        atomic_fetch_or(&thread->work, work);
    while (atomic_load(&thread->work) && !is_paused() && !atomic_exchange(&thread->busy, 1)) {
        unsigned todo = atomic_exchange(&thread->work, 0);
        if ((todo & WORK_END) && !atomic_load(&thread->tid)) {
            atomic_store(&thread->busy, 0); /* the record was given back before */
            return;
        }
        if (todo & WORK_END) {
            work_end(thread);
            thread_give(thread, THREAD_ENDED);
            return;
        }
        if (!placing_is_over() && atomic_load(&thread->tid)) {
            if (todo & WORK_NAME)
                work_name(thread);
            if (todo & WORK_ORDER)
                work_order(thread);
            if (todo & WORK_CLAIMS)
                work_claims(thread);
            if (todo & WORK_MATCH)
                work_match(thread);
            if (todo & WORK_CHECK)
                work_check(thread);
            if (todo & WORK_MASK)
                work_mask(thread);
            if (todo & WORK_ARRIVE)
                settle_arrive(thread, thread->old_home);
            if ((todo & WORK_MEMORY) && thread->memory_outcome == OUTCOME_PENDING) {
                thread_policy_apply(thread);
                segment_rule_outcome(thread->rule, OUTCOME_NOT_ASKED, thread->memory_outcome,
                                     step_of(thread->cpu_outcome, thread->memory_outcome));
                segment_thread(thread, THREAD_LIVE);
            }
        }
        atomic_store(&thread->busy, 0);
    }
}

void settle_give_back(struct thread *thread)
{
    atomic_store(&thread->busy, 0);
    settle_work(thread, 0);
}

static bool has_slot(const struct thread *thread, uint32_t rule)
{
    return atomic_load(&thread->tid) && thread->holds_pick && thread->rule == rule;
}

/* The thread no longer has its place because of the order. */
static void move_from_order(struct thread *thread, uint32_t slot, enum reason why)
{
    thread->ordered = false;
    move(thread, thread->rule, slot, why);
}

bool settle_elsewhere(struct thread *thread, uint32_t rule, uint32_t slot, enum reason why)
{
    if (placing_is_over() || atomic_exchange(&thread->busy, 1))
        return false;
    bool moves = has_slot(thread, rule) && thread->pick.slot != slot;
    if (moves)
        move_from_order(thread, slot, why);
    settle_give_back(thread);
    return moves;
}

bool settle_exchange(struct thread *first, uint32_t from, struct thread *second, uint32_t to, uint32_t rule,
                     enum reason why)
{
    if (placing_is_over() || atomic_exchange(&first->busy, 1))
        return false;
    bool moves = false;
    if (!atomic_exchange(&second->busy, 1)) {
        moves = has_slot(first, rule) && first->pick.slot == from && has_slot(second, rule) && second->pick.slot == to;
        if (moves) {
            move_from_order(first, to, why);
            move_from_order(second, from, why);
        }
        settle_give_back(second);
    }
    settle_give_back(first);
    return moves;
}

static void make_way(struct thread *thread, void *claimer_pointer)
{
    const struct thread *claimer = claimer_pointer;
    struct mask mine, theirs;
    if (thread == claimer || !atomic_load(&thread->tid) || !thread->holds_pick)
        return;
    if (mask_open(&mine) < 0)
        return;
    if (mask_open(&theirs) == 0) {
        const struct plan_slot *slots = shim.plan.slots;
        plan_mask_expand(&shim.plan, slots[claimer->pick.slot].claim_mask, mine.bits, mine.words);
        plan_mask_expand(&shim.plan, slots[thread->pick.slot].mask, theirs.bits, theirs.words);
        if (mask_intersects(&mine, &theirs))
            settle_work(thread, WORK_CLAIMS);
        mask_close(&theirs);
    }
    mask_close(&mine);
}
