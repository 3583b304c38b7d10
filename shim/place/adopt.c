/*
 * Records for threads that passed no hook at their birth. The worker finds them in /proc (worker/sweep.h), or they pass
 * a hook later.
 */
#include <errno.h>
#include <string.h>

#include "shim/base/state.h"
#include "shim/place/decide.h"
#include "shim/place/place.h"
#include "shim/place/settle.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

static _Atomic uint32_t adoptions ON_DATA_PAGE;

/* No hook sees an adopted thread's end, so the shim asks the kernel. */
static void end_if_gone(struct thread *thread, void *unused)
{
    (void)unused;
    if (thread->adopted && atomic_load(&thread->tid) &&
        raw_call(SYS_tgkill, shim.pid, atomic_load(&thread->tid), 0) != 0 && errno == ESRCH)
        settle_work(thread, WORK_END);
}

void place_forget_gone(void)
{
    thread_each(end_if_gone, NULL);
}

/* The kernel names the workers of io_uring (io_uring/io-wq.c, sqpoll.c). */
static bool is_kernel_worker(const char *name)
{
    return !strncmp(name, "iou-wrk-", 8) || !strncmp(name, "iou-sqp-", 8);
}

static void place_adopted(struct thread *thread)
{
    segment_count(COUNT_STARTED);
    if (is_kernel_worker(thread->name)) {
        thread->cpu_outcome = OUTCOME_NONE;
        thread->cpu_reason = REASON_KERNEL_WORKER;
        thread->why = REASON_ADOPTED;
        segment_rule_entered(PLAN_NONE);
    } else {
        thread->rule = decide_rule(thread);
        settle_choose(thread, REASON_ADOPTED);
        settle_carry_out(thread);
    }
    settle_tell(thread, EVENT_PLACED, thread->holds_pick ? thread->pick.slot : PLAN_NONE);
}

/* A thread has its creator's name until it gets one of its own. The creator is unknown; main is the most likely one. */
static bool is_inherited(const char *name)
{
    return !strncmp(name, shim.facts.comm, 15);
}

static struct thread *adopt(pid_t tid, const char *name)
{
    struct thread *thread = thread_take();
    if (!thread)
        return NULL;
    thread->adopted = true;
    thread->index = atomic_fetch_add_explicit(&shim.next_index, 1, memory_order_relaxed);
    thread->creator_tid = 0;
    thread->cpus = thread->memory = STANDING_UNKNOWN;
    thread->thread_pointer = 0;
    memcpy(thread->name, name, strnlen(name, sizeof(thread->name) - 1));
    thread->unnamed = is_inherited(name);
    if (!thread->unnamed)
        thread->flags |= THREAD_FLAG_NAMED;
    thread->ordered = thread->named_before = true;
    thread->born_ms = thread_now_ms();
    atomic_store_explicit(&thread->state, THREAD_LIVE, memory_order_relaxed);
    atomic_store(&thread->tid, (uint32_t)tid);
    atomic_fetch_add(&adoptions, 1);
    return thread;
}

/*
 * A thread that is being made is in /proc before it has registered. Both sides write first and read afterwards, all
 * seq_cst: the finder writes its record and `adoptions` and then searches for another record; the new thread writes its
 * tid and then reads `adoptions`.
 */
struct search {
    const struct thread *not_this;
    uint32_t tid;
    bool adopted;
    struct thread *found;
};

static void compare(struct thread *thread, void *context)
{
    struct search *search = context;
    if (thread != search->not_this && atomic_load(&thread->tid) == search->tid && thread->adopted == search->adopted)
        search->found = thread;
}

static struct thread *other_record(const struct thread *thread, bool adopted)
{
    struct search search = {thread, atomic_load(&thread->tid), adopted, NULL};
    thread_each(compare, &search);
    return search.found;
}

uint32_t place_adoptions(void)
{
    return atomic_load(&adoptions);
}

void place_disown(const struct thread *thread)
{
    struct thread *other = other_record(thread, true);
    if (other)
        settle_work(other, WORK_END);
}

bool place_adopt(pid_t tid, const char *name)
{
    struct thread *thread = thread_find(tid) ? NULL : adopt(tid, name);
    if (!thread)
        return thread_find(tid) != NULL;
    if (other_record(thread, false)) {
        thread_give(thread, THREAD_FREE);
        return true;
    }
    place_adopted(thread);
    settle_give_back(thread);
    return true;
}

struct leaving {
    uint32_t tid;
    bool found;
};

static void compare_leaving(uint32_t tid, void *context)
{
    struct leaving *leaving = context;
    leaving->found = leaving->found || tid == leaving->tid;
}

static bool is_leaving(uint32_t tid)
{
    struct leaving leaving = {tid, false};
    thread_each_leaving(compare_leaving, &leaving);
    return leaving.found;
}

/*
 * The calling thread has no record, or one that the worker made for it. Only the thread itself may call this: a tid in
 * another thread's call does not prove that it belongs to this process.
 */
static void adopt_self(const char *name)
{
    pid_t tid = thread_own_tid();
    if (raw_getpid() != shim.pid || shim_was_forked())
        return; /* borrowed memory (vfork), or a copy that no fork handler saw */
    struct thread *thread = thread_find(tid);
    if (thread) {
        thread_self = thread;
        settle_work(thread, WORK_MEMORY);
        return;
    }
    if (is_leaving((uint32_t)tid))
        return;
    place_forget_gone();
    thread = adopt(tid, name);
    if (!thread)
        return;
    thread_self = thread;
    place_adopted(thread);
    settle_give_back(thread);
}

void place_adopt_self(void)
{
    int saved = errno;
    char name[16] = "";
    if (!thread_self && shim_is_active()) {
        sys_get_name(name);
        if (shim_enter()) {
            adopt_self(name);
            shim_leave();
        }
    }
    errno = saved;
}
