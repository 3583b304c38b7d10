/*
 * The decisions of place.h, and how several threads that are placed at once stay consistent.
 *
 * How claims and placements meet. An exclusive pick raises `claims` and then walks all records; a thread that is
 * being placed publishes its pick, computes its mask from the claimed CPUs, sets it, and looks whether `claims`
 * has moved meanwhile. All four accesses are seq_cst, so either the walk finds the thread or the thread sees the
 * claim; both may happen, which costs one more system call.
 *
 * Early names are the same handshake: a namer that finds no record for a tid raises `early_names` before its
 * search; the new thread registers its tid and then compares the counter with what it was at its creation.
 */
#include "shim/place/place.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/arena/arena.h"
#include "shim/memory/relocation.h"
#include "shim/memory/thread_stack.h"
#include "shim/place/apply.h"
#include "shim/place/decide.h"
#include "shim/place/mask.h"
#include "shim/place/order.h"
#include "shim/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"

/* --- slots --- */

static void take_pick(struct thread *thread)
{
    if (thread->rule == PLAN_NONE)
        return;
    thread->pick = pick_slot(&nw_shim.plan, &nw_shim.occupancy, thread->rule, thread->creator_slot);
    thread->ticket = atomic_fetch_add_explicit(&nw_shim.next_ticket, 1, memory_order_relaxed);
    thread->holds_pick = true;
}

static void drop_pick(struct thread *thread)
{
    if (thread->holds_pick)
        pick_release(&nw_shim.plan, &nw_shim.occupancy, thread->pick);
    thread->holds_pick = false;
}

/* --- claims --- */

/* Leaves the record to do WORK_CLAIMS if its slot has something of the CPUs just claimed. */
static void make_way(struct thread *thread, void *claimer);

static void announce_claim(struct thread *claimer)
{
    atomic_fetch_add(&nw_shim.claims, 1);
    thread_each(make_way, claimer);
}

/* --- carrying out --- */

static void apply_until_settled(struct thread *thread, enum standing otherwise)
{
    uint32_t claims;

    do {
        claims = atomic_load(&nw_shim.claims);
        apply_cpus(thread, otherwise);
    } while (thread->holds_pick && atomic_load(&nw_shim.claims) != claims);
}

static void carry_out(struct thread *thread)
{
    enum standing otherwise = thread->main ? STANDING_UNION : STANDING_BASE;

    if (thread->holds_pick && thread->pick.claims)
        announce_claim(thread);
    apply_until_settled(thread, otherwise);
    apply_memory(thread);
    if (shim_needs(PLAN_HAS_STACKS))
        stack_settle(thread);
    thread->flags &= (uint8_t)~THREAD_FLAG_UNION;
    if (thread->cpus == STANDING_UNION)
        thread->flags |= THREAD_FLAG_UNION;
    segment_rule_entered(thread->rule);
    segment_rule_outcome(thread->rule, thread->cpu_outcome, thread->memory_outcome);
}

static void tell(struct thread *thread, enum segment_event_kind kind, uint32_t value)
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

static enum reason why_here(const struct thread *thread, enum reason moment)
{
    if (thread->holds_pick)
        return moment;
    return thread->main ? REASON_MAIN_UNION : REASON_BASE;
}

/* Another rule, or the same one again after a fork: the old place is given back before a new one is looked for. */
static void move(struct thread *thread, uint32_t rule, enum reason moment)
{
    uint32_t from = thread->home_node;

    drop_pick(thread);
    segment_rule_left(thread->rule);
    thread->rule = rule;
    take_pick(thread);
    thread->why = (uint8_t)why_here(thread, moment);
    carry_out(thread);
    arena_rule_changed(thread);
    if (shim_needs(PLAN_HAS_MIGRATE))
        relocation_thread_moved(thread, from);
    tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
}

/* --- work on an owned record --- */

/* Another thread gave the name while our `rename` was under way: the program's word counts. */
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
    if (thread == nw_self && (thread->flags & THREAD_FLAG_RENAMED))
        restore_program_name(thread->name, ours);
    /* the kernel's children inherit names, so "the creator's name" cannot be told from "no name" */
    thread->unnamed = !thread->main && !strcmp(thread->name, thread->creator_name);
    thread->flags &= (uint8_t) ~(THREAD_FLAG_NAMED | THREAD_FLAG_RENAMED);
    if (!thread->unnamed)
        thread->flags |= THREAD_FLAG_NAMED;
}

static void work_on(struct thread *thread, unsigned work);

static void exchanged(struct thread *thread)
{
    apply_until_settled(thread, STANDING_BASE);
    tell(thread, EVENT_PLACED, thread->pick.slot);
}

static void released(struct thread *thread)
{
    work_on(thread, 0);
}

static void work_order(struct thread *thread)
{
    if (thread->ordered && thread->holds_pick)
        order_settle(thread, exchanged, released);
}

static void work_name(struct thread *thread)
{
    uint32_t rule;

    take_new_name(thread);
    segment_count(COUNT_RENAMES);
    tell(thread, EVENT_RENAMED, 0);
    if (!shim_needs(PLAN_NEEDS_NAMES))
        return;
    rule = decide_rule(thread);
    if (rule != thread->rule) {
        move(thread, rule, REASON_RENAME);
        thread->ordered = !thread->named_before && !thread->main;
        work_order(thread);
    }
    thread->named_before = true;
}

static void work_claims(struct thread *thread)
{
    if (!thread->holds_pick)
        return;
    apply_until_settled(thread, STANDING_BASE);
    tell(thread, EVENT_CLAIMED, thread->got_cpus);
}

static void work_end(struct thread *thread)
{
    drop_pick(thread);
    segment_rule_left(thread->rule);
    segment_count(COUNT_ENDED);
    segment_thread(thread, THREAD_ENDED);
}

static bool placing_is_over(void)
{
    return atomic_load_explicit(&nw_shim.phase, memory_order_acquire) != PHASE_ACTIVE;
}

/* Does what is waiting, as long as the record is free. Never waits: whoever owns it does our work as well. */
static void work_on(struct thread *thread, unsigned work)
{
    if (work)
        atomic_fetch_or(&thread->work, work);
    while (atomic_load(&thread->work) && !atomic_exchange(&thread->busy, 1)) {
        unsigned todo = atomic_exchange(&thread->work, 0);

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
            if ((todo & WORK_MEMORY) && thread->memory_outcome == OUTCOME_PENDING) {
                apply_memory(thread);
                segment_rule_outcome(thread->rule, OUTCOME_NOT_ASKED, thread->memory_outcome);
                segment_thread(thread, THREAD_LIVE);
            }
        }
        atomic_store(&thread->busy, 0);
    }
}

static void make_way(struct thread *thread, void *claimer_pointer)
{
    const struct thread *claimer = claimer_pointer;
    struct mask mine, theirs;

    if (thread == claimer || !atomic_load(&thread->tid) || !thread->holds_pick)
        return;
    if (!mask_open(&mine))
        return;
    if (mask_open(&theirs)) {
        const struct plan_slot *slots = nw_shim.plan.slots;

        plan_mask_expand(&nw_shim.plan, slots[claimer->pick.slot].claim_mask, mine.bits, mine.words);
        plan_mask_expand(&nw_shim.plan, slots[thread->pick.slot].mask, theirs.bits, theirs.words);
        if (mask_intersects(&mine, &theirs))
            work_on(thread, WORK_CLAIMS);
        mask_close(&theirs);
    }
    mask_close(&mine);
}

/* --- birth --- */

struct thread *place_prepare(const void *start, const void *caller)
{
    int saved = errno;
    struct thread *thread = thread_take();

    if (thread) {
        thread->early_names = atomic_load(&nw_shim.early_names);
        thread->index = atomic_fetch_add_explicit(&nw_shim.next_index, 1, memory_order_relaxed);
        decide_inherited(thread);
        decide_origins(thread, start, caller);
        thread->rule = decide_rule(thread);
        take_pick(thread);
        thread->why = (uint8_t)why_here(thread, REASON_BIRTH);
    }
    errno = saved;
    return thread;
}

void place_abandon(struct thread *thread)
{
    uint32_t next = thread->index + 1;

    drop_pick(thread);
    /* nobody came after: the number has not been seen and is given out again */
    atomic_compare_exchange_strong(&nw_shim.next_index, &next, thread->index);
    thread_give(thread, THREAD_FREE);
}

static void register_self(struct thread *thread)
{
    nw_self = thread;
    thread->thread_pointer = (uintptr_t)__builtin_thread_pointer();
    thread->born_ms = (uint32_t)((monotonic_ns() - nw_shim.start_monotonic) / 1000000u);
    atomic_store_explicit(&thread->state, THREAD_LIVE, memory_order_relaxed);
    atomic_store(&thread->tid, (uint32_t)thread_own_tid()); /* seq_cst: the handshakes at the top */
}

/*
 * The name that the creator gave in the moment between pthread_create's return and our registration: it decides
 * the rule from the start, and a `rename` must not overwrite it.
 */
static void pick_up_early_name(struct thread *thread)
{
    char name[16] = "";
    uint32_t rule;

    if (atomic_load(&nw_shim.early_names) == thread->early_names)
        return;
    sys_get_name(name);
    if (!strcmp(name, thread->name))
        return;
    memcpy(thread->name, name, sizeof(thread->name));
    thread->unnamed = false;
    thread->flags |= THREAD_FLAG_NAMED;
    rule = decide_rule(thread);
    if (rule == thread->rule)
        return;
    drop_pick(thread);
    thread->rule = rule;
    take_pick(thread);
    thread->why = (uint8_t)why_here(thread, REASON_BIRTH);
    thread->ordered = thread->named_before = true;
}

void place_born(struct thread *thread)
{
    int saved = errno;

    register_self(thread);
    segment_count(COUNT_STARTED);
    if (thread->number >= SEGMENT_THREADS)
        segment_count(COUNT_UNLISTED);
    if (shim_is_active()) {
        pick_up_early_name(thread);
        carry_out(thread);
        apply_rename(thread);
        tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
        work_order(thread);
    }
    atomic_store(&thread->busy, 0);
    work_on(thread, 0);
    errno = saved;
}

void place_end(struct thread *thread)
{
    int saved = errno;

    arena_thread_ended();
    nw_self = NULL;
    work_on(thread, WORK_END);
    errno = saved;
}

/* --- main and forked children --- */

static void become_main(struct thread *thread)
{
    atomic_store(&thread->busy, 1);
    atomic_store(&thread->work, 0);
    atomic_store_explicit(&thread->state, THREAD_LIVE, memory_order_relaxed);
    atomic_store(&thread->tid, (uint32_t)nw_shim.pid);
    thread->main = true;
    thread->unnamed = false;
    thread->flags = THREAD_FLAG_MAIN | THREAD_FLAG_NAMED;
    thread->index = 0;
    thread->creator_tid = 0;
    thread->creator_slot = PLAN_NONE;
    thread->start_library = thread->start_function = thread->creator_library = thread->creator_function = 0;
    thread->frames = 0;
    thread->born_ms = 0;
    if (thread_own_tid() == nw_shim.pid)
        nw_self = thread;
}

/* The record of the thread that goes on as main; its standings say what it has now. */
static struct thread *main_record(bool forked)
{
    struct thread *thread = forked ? nw_self : NULL;

    if (thread)
        return thread;
    thread = thread_take();
    if (thread) {
        thread->cpus = thread->memory = forked ? STANDING_UNKNOWN : STANDING_BASE;
        memcpy(thread->name, nw_shim.facts.comm, strnlen(nw_shim.facts.comm, sizeof(thread->name) - 1));
    }
    return thread;
}

/* A forked main with the union mask has it already: most children exec next, and a call would be for nothing. */
static bool has_union(const struct thread *thread)
{
    return !thread->holds_pick && thread->cpus == STANDING_UNION && thread->memory == STANDING_BASE;
}

/*
 * A forked child has no creator in its own process to inherit a place from. Where the kernel has put it is as good: it
 * balances at fork, while the first place in order would be the same one for every child of a server.
 */
static uint32_t slot_around_here(uint32_t rule_index)
{
    const struct plan_rule *rule;
    int cpu = sched_getcpu();

    if (rule_index == PLAN_NONE || cpu < 0)
        return PLAN_NONE;
    rule = &nw_shim.plan.rules[rule_index];
    for (uint32_t slot = rule->slot_first; slot < rule->slot_first + rule->slot_count; slot++)
        if (plan_mask_has(&nw_shim.plan, nw_shim.plan.slots[slot].mask, (unsigned)cpu))
            return slot;
    return PLAN_NONE;
}

void place_main(bool forked)
{
    int saved = errno;
    struct thread *thread = main_record(forked);

    if (!thread)
        return;
    become_main(thread);
    if (!forked)
        atomic_store_explicit(&nw_shim.next_index, 1, memory_order_relaxed);
    thread->rule = decide_rule(thread);
    if (forked)
        thread->creator_slot = slot_around_here(thread->rule);
    take_pick(thread);
    thread->why = (uint8_t)why_here(thread, forked ? REASON_FORKED : REASON_BIRTH);
    if (!forked || !has_union(thread)) {
        if (forked && thread->holds_pick)
            place_show_main();
        segment_count(COUNT_STARTED);
        carry_out(thread);
        tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
    }
    atomic_store(&thread->busy, 0);
    work_on(thread, 0);
    errno = saved;
}

void place_show_main(void)
{
    nw_shim.segment_due = false;
    segment_open();
    segment_state(SEGMENT_ACTIVE, REASON_OK);
    segment_event(&(struct event){.kind = EVENT_START, .tid = (uint32_t)nw_shim.pid, .rule = PLAN_NONE});
    if (!nw_self || atomic_load(&nw_self->busy))
        return; /* place_main() is about to list it */
    segment_count(COUNT_STARTED);
    segment_rule_entered(nw_self->rule);
    segment_thread(nw_self, THREAD_LIVE);
}

/* --- names --- */

static void leave_name(struct thread *thread, const char *name)
{
    uint64_t halves[2] = {0};

    memcpy(halves, name, strnlen(name, 15));
    atomic_store_explicit(&thread->new_name[0], halves[0], memory_order_relaxed);
    atomic_store_explicit(&thread->new_name[1], halves[1], memory_order_relaxed);
    work_on(thread, WORK_NAME);
}

/* --- threads that no hook saw --- */

/* Nobody tells of an adopted thread's end, so the kernel is asked, when the next one is adopted. */
static void end_if_gone(struct thread *thread, void *unused)
{
    (void)unused;
    if (thread->adopted && syscall(SYS_tgkill, nw_shim.pid, atomic_load(&thread->tid), 0) != 0 && errno == ESRCH)
        work_on(thread, WORK_END);
}

/*
 * A thread that was made behind our back (jemalloc finds the pthread_create that is behind ours) is met when it names
 * itself. Only then: its number alone, in somebody else's call, does not say that it is one of this process.
 */
static void adopt_self(const char *name)
{
    struct thread *thread;

    if (raw_getpid() != nw_shim.pid)
        return; /* borrowed memory: vfork, or a copy that no fork handler saw */
    thread_each(end_if_gone, NULL);
    thread = thread_take();
    if (!thread)
        return;
    thread->adopted = true;
    thread->unnamed = false;
    thread->index = atomic_fetch_add_explicit(&nw_shim.next_index, 1, memory_order_relaxed);
    thread->creator_slot = PLAN_NONE;
    thread->cpus = thread->memory = STANDING_UNKNOWN;
    memcpy(thread->name, name, strnlen(name, sizeof(thread->name) - 1));
    thread->flags |= THREAD_FLAG_NAMED;
    thread->ordered = thread->named_before = true;
    register_self(thread);
    segment_count(COUNT_STARTED);
    thread->rule = decide_rule(thread);
    take_pick(thread);
    thread->why = (uint8_t)why_here(thread, REASON_RENAME);
    carry_out(thread);
    tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
    atomic_store(&thread->busy, 0);
    work_on(thread, 0);
}

void place_renamed(pid_t tid, const char *name)
{
    int saved = errno;
    struct thread *thread = nw_self;

    if (!thread || atomic_load_explicit(&thread->tid, memory_order_relaxed) != (uint32_t)tid) {
        atomic_fetch_add(&nw_shim.early_names, 1);
        thread = thread_find(tid);
    }
    if (thread)
        leave_name(thread, name);
    else if (!nw_self && tid == thread_own_tid())
        adopt_self(name);
    errno = saved;
}

void place_catch_up(void)
{
    int saved = errno;
    struct thread *thread = nw_self;

    if (thread && thread->memory_outcome == OUTCOME_PENDING)
        work_on(thread, WORK_MEMORY);
    errno = saved;
}

void place_stop(enum reason reason)
{
    uint32_t active = PHASE_ACTIVE;

    if (!atomic_compare_exchange_strong(&nw_shim.phase, &active, PHASE_STOPPED))
        return;
    if (shim_was_forked())
        segment_leave(); /* a copy without fork handlers: the segment is the parent's */
    atomic_store_explicit(&nw_shim.reason, reason, memory_order_relaxed);
    segment_state(SEGMENT_STOPPED, reason);
    segment_event(&(struct event){
        .kind = EVENT_STOPPED, .tid = (uint32_t)nw_shim.pid, .rule = PLAN_NONE, .reason = (uint8_t)reason});
}
