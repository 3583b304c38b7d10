/*
 * The moments of place.h. Early names need a handshake like that of claims (settle.c): a thread that names another one
 * and finds no record for the tid raises `early_names` before its search. The new thread registers its tid and then
 * compares the counter with its value at the creation.
 */
#include "shim/place/place.h"

#include <errno.h>
#include <string.h>

#include "shim/arena/arena.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/thread_id.h"
#include "shim/place/apply.h"
#include "shim/place/arbitrate.h"
#include "shim/place/decide.h"
#include "shim/place/hold.h"
#include "shim/place/settle.h"
#include "shim/place/thread_stack.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/room.h"

static _Atomic uint32_t early_names; /* raised when a thread is named before it has registered */

/* --- birth --- */

struct thread *place_prepare(const void *start, const void *caller)
{
    int saved = errno;
    struct thread *thread = thread_take();
    if (thread) {
        thread->early_names = atomic_load(&early_names);
        thread->early_masks = arbitrate_early();
        thread->early_adoptions = place_adoptions();
        thread->created_by = caller;
        thread->index = atomic_fetch_add_explicit(&shim.next_index, 1, memory_order_relaxed);
        decide_inherited(thread);
        decide_origins(thread, start, caller);
        thread->rule = decide_rule(thread);
        settle_choose(thread, REASON_BIRTH);
    }
    errno = saved;
    return thread;
}

void place_abandon(struct thread *thread)
{
    uint32_t next = thread->index + 1;
    settle_drop(thread);
    /* no thread was created after it: its number has not been seen and can be used again */
    atomic_compare_exchange_strong(&shim.next_index, &next, thread->index);
    thread_give(thread, THREAD_FREE);
}

/* No fork or vfork lies between the creation and here: libc's number is the kernel's. */
static pid_t born_tid(void)
{
    pid_t tid = thread_tid_in_libc(pthread_self());
    return tid > 0 ? tid : thread_own_tid();
}

static void register_self(struct thread *thread)
{
    thread_self = thread;
    thread->thread_pointer = (uintptr_t)__builtin_thread_pointer();
    thread->born_ms = thread_now_ms();
    atomic_store_explicit(&thread->state, THREAD_LIVE, memory_order_relaxed);
    atomic_store(&thread->tid, (uint32_t)born_tid()); /* seq_cst: the handshakes at the top */
}

/*
 * The creator may name the thread between pthread_create's return and the registration. That name decides the rule from
 * the start, and a `rename` must not overwrite it.
 */
static void pick_up_early_name(struct thread *thread)
{
    char name[16] = "";
    if (atomic_load(&early_names) == thread->early_names)
        return;
    sys_get_name(name);
    if (!strcmp(name, thread->name))
        return;
    memcpy(thread->name, name, sizeof(thread->name));
    thread->unnamed = false;
    thread->flags |= THREAD_FLAG_NAMED;
    uint32_t rule = decide_rule(thread);
    if (rule == thread->rule)
        return;
    settle_drop(thread);
    thread->rule = rule;
    settle_choose(thread, REASON_BIRTH);
    thread->ordered = thread->named_before = true;
}

void place_born(struct thread *thread)
{
    int saved = errno;
    register_self(thread);
    if (place_adoptions() != thread->early_adoptions)
        place_disown(thread);
    segment_count(COUNT_STARTED);
    if (thread->number >= SEGMENT_THREADS)
        segment_count(COUNT_UNLISTED);
    if (shim_is_active()) {
        stack_end_loan(thread);
        pick_up_early_name(thread);
        thread->given_mask = thread->mask_by_attribute || arbitrate_early() != thread->early_masks;
        settle_carry_out(thread);
        thread->given_mask = false;
        apply_rename(thread);
        settle_tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
        if (thread->ordered)
            settle_work(thread, WORK_ORDER); /* done by settle_give_back() below */
    }
    settle_give_back(thread);
    errno = saved;
}

void place_end(struct thread *thread)
{
    int saved = errno;
    arena_thread_ended();
    hold_at_end();
    thread_self = NULL;
    settle_work(thread, WORK_END);
    errno = saved;
}

/* --- main and forked children --- */

static void become_main(struct thread *thread)
{
    atomic_store(&thread->busy, 1);
    atomic_store(&thread->work, 0);
    thread->holds = 0;
    atomic_store(&thread->held, 0);
    atomic_store_explicit(&thread->state, THREAD_LIVE, memory_order_relaxed);
    atomic_store(&thread->tid, (uint32_t)shim.pid);
    thread->main = true;
    thread->unnamed = false;
    thread->flags = THREAD_FLAG_MAIN | THREAD_FLAG_NAMED;
    thread->index = 0;
    thread->creator_tid = 0;
    thread->creator_slot = PLAN_NONE;
    thread->start_library = thread->start_function = thread->creator_library = thread->creator_function = 0;
    thread->frames = 0;
    thread->born_ms = 0;
    if (thread_own_tid() == shim.pid)
        thread_self = thread;
}

/* The record of the thread that continues as main. Its standings say what it has now. */
static struct thread *main_record(bool forked)
{
    struct thread *thread = forked ? thread_self : NULL;
    if (thread)
        return thread;
    thread = thread_take();
    if (thread) {
        thread->cpus = thread->memory = forked ? STANDING_UNKNOWN : STANDING_BASE;
        memcpy(thread->name, shim.facts.comm, strnlen(shim.facts.comm, sizeof(thread->name) - 1));
    }
    return thread;
}

/*
 * A forked main thread inherits the union mask, and the memory policy that all rules share. Most children call exec next,
 * so system calls would be wasted.
 */
static bool has_union(const struct thread *thread)
{
    enum standing memory = apply_memory_rule(thread) ? STANDING_RULE : STANDING_BASE;
    return !thread->holds_pick && thread->cpus == STANDING_UNION && thread->memory == memory;
}

void place_main(bool forked)
{
    int saved = errno;
    struct thread *thread = main_record(forked);
    if (!thread)
        return;
    become_main(thread);
    thread->chose_mask = forked ? thread->chosen : shim.base.mask_is_chosen;
    thread->chose_memory = forked ? thread->memory == STANDING_PROGRAM : shim.base.memory_is_chosen;
    if (!forked)
        atomic_store_explicit(&shim.next_index, 1, memory_order_relaxed);
    thread->rule = decide_rule(thread);
    settle_choose(thread, forked ? REASON_FORKED : REASON_BIRTH);
    if (!forked || !has_union(thread)) {
        if (forked && thread->holds_pick)
            place_show_main();
        segment_count(COUNT_STARTED);
        settle_carry_out(thread);
        settle_tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
    }
    thread->chose_mask = thread->chose_memory = false;
    settle_give_back(thread);
    errno = saved;
}

void place_show_main(void)
{
    shim.segment_due = false;
    segment_open();
    segment_state(SEGMENT_ACTIVE, REASON_OK);
    segment_event(&(struct event){.kind = EVENT_START, .tid = (uint32_t)shim.pid, .rule = PLAN_NONE});
    if (!thread_self || atomic_load(&thread_self->busy))
        return; /* place_main() is about to list the thread */
    segment_count(COUNT_STARTED);
    segment_rule_entered(thread_self->rule);
    segment_thread(thread_self, THREAD_LIVE);
}

/* --- names --- */

static void leave_name(struct thread *thread, const char *name)
{
    uint64_t halves[2] = {0};
    memcpy(halves, name, strnlen(name, 15));
    atomic_store_explicit(&thread->new_name[0], halves[0], memory_order_relaxed);
    atomic_store_explicit(&thread->new_name[1], halves[1], memory_order_relaxed);
    settle_work(thread, WORK_NAME);
}

/* --- later changes --- */

bool place_has_name(const char *name)
{
    const struct thread *thread = thread_self;
    uint8_t flags = THREAD_FLAG_NAMED | THREAD_FLAG_RENAMED;
    return thread && (thread->flags & flags) == THREAD_FLAG_NAMED &&
           (thread->named_before || !shim_needs(PLAN_NEEDS_NAMES)) && !strncmp(thread->name, name, 15);
}

void place_renamed(pid_t tid, const char *name)
{
    int saved = errno;
    struct thread *thread = thread_self;
    if (!thread || atomic_load_explicit(&thread->tid, memory_order_relaxed) != (uint32_t)tid) {
        atomic_fetch_add(&early_names, 1);
        thread = thread_find(tid);
    }
    if (thread)
        leave_name(thread, name);
    else if (!thread_self && tid == thread_own_tid())
        place_adopt_self();
    errno = saved;
}

void place_check_self(void)
{
    int saved = errno;
    if (thread_self && thread_self->cpus == STANDING_RULE)
        settle_work(thread_self, WORK_CHECK);
    errno = saved;
}

void place_catch_up(void)
{
    int saved = errno;
    struct thread *thread = thread_self;
    if (thread && thread->memory_outcome == OUTCOME_PENDING)
        settle_work(thread, WORK_MEMORY);
    errno = saved;
}

static _Atomic uint32_t stop_wanted; /* enum reason: place_stop() was called during a reload */

void place_stop(enum reason reason)
{
    uint32_t active = PHASE_ACTIVE;
    room_freeze();
    if (!atomic_compare_exchange_strong(&shim.phase, &active, PHASE_STOPPED)) {
        if (active == PHASE_PAUSED)
            atomic_store(&stop_wanted, reason);
        return;
    }
    if (shim_was_forked())
        segment_leave(); /* a copy without fork handlers: the segment is the parent's */
    atomic_store_explicit(&shim.reason, reason, memory_order_relaxed);
    segment_state(SEGMENT_STOPPED, reason);
    segment_event(&(struct event){
        .kind = EVENT_STOPPED, .tid = (uint32_t)shim.pid, .rule = PLAN_NONE, .reason = (uint8_t)reason});
}

void place_stop_if_wanted(void)
{
    uint32_t reason = atomic_exchange(&stop_wanted, REASON_OK);
    if (reason != REASON_OK)
        place_stop((enum reason)reason);
}
