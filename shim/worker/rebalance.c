#include "shim/worker/rebalance.h"

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/place/settle.h"
#include "shim/worker/worker.h"

#define MOVES_MOST   64u
#define QUIET_LOOKS  3u
#define QUIET_LOAD   50u   /* all threads together, in thousandths of a CPU */
#define AT_A_TIME    1500u /* thousandths of a CPU, all threads together: more than one runs */
#define SURE         3u    /* looks in a row; a guest counts as run what its host took away */
#define NEVER_SLEEPS 970u
#define LONGEST      NS_PER_S
#define COST_PART    100u            /* of the time at most this part is spent on looking */
#define SHORT        (5 * NS_PER_MS) /* a time in which a thread that only begins looks busy */

/* --- when --- */

static bool has_crowded_place(const struct plan_rule *rule)
{
    if (rule->steal == STEAL_OFF || rule->slot_count < 2)
        return false;
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + i;
        if (atomic_load_explicit(&shim.occupancy.used[slot], memory_order_relaxed) > shim.plan.slots[slot].capacity)
            return true;
    }
    return false;
}

static bool is_due(void)
{
    const struct plan_view *plan = &shim.plan;
    bool due = false;
    if (!shim_needs(PLAN_HAS_STEAL) || !shim_enter())
        return false;
    for (uint32_t i = 0; i < plan->count[PLAN_RULES] && !due; i++)
        due = has_crowded_place(&plan->rules[i]);
    shim_leave();
    return due;
}

void rebalance_wake(void)
{
    if (is_due())
        worker_wake();
}

bool rebalance_goes_on(const struct rebalance *self)
{
    return self->quiet < QUIET_LOOKS && is_due();
}

/* The shortest interval of the rules that have a crowded place. */
static uint64_t interval(void)
{
    const struct plan_view *plan = &shim.plan;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].interval_ms * NS_PER_MS < least && has_crowded_place(&plan->rules[i]))
            least = plan->rules[i].interval_ms * NS_PER_MS;
    if (least == UINT64_MAX)
        return LONGEST;
    return least < 10 * NS_PER_MS ? 10 * NS_PER_MS : least;
}

uint64_t rebalance_wait(const struct rebalance *self)
{
    uint64_t since = monotonic_ns() - self->looked_at, least = interval();
    uint64_t pause = self->pause > least ? self->pause : least;
    return since < pause ? pause - since : 0;
}

/* --- measuring --- */

/* Reads "RUN WAITED SLICES", in ns (Documentation/scheduler/sched-stats.rst); returns both together. 0: not available. */
static uint64_t busy_time(uint32_t tid, uint64_t *ret_ran)
{
    char text[96];
    const char *at = text;
    *ret_ran = 0;
    if (!facts_read_thread_file(tid, "schedstat", text, sizeof(text)))
        return 0;
    *ret_ran = read_number(&at);
    at += *at == ' ';
    return *ret_ran + read_number(&at);
}

/*
 * The time from which on a thread's load is known, and its busy time then. 0: unknown, because no hook saw its birth.
 */
static uint64_t known_since(const struct thread *thread, uint64_t *ret_busy)
{
    *ret_busy = thread->measured_at ? thread->busy_ns : 0;
    if (thread->measured_at || thread->adopted)
        return thread->measured_at;
    return shim.start_monotonic + thread->born_ms * NS_PER_MS;
}

/*
 * The load in thousandths of the time since the last look at this thread, or since its birth. A place whose threads
 * were only just made is thus not taken for an idle one.
 */
static uint32_t measure(struct rebalance *self, struct thread *thread, uint64_t now)
{
    uint64_t ran, busy = busy_time(atomic_load(&thread->tid), &ran), load = 0, before;
    uint64_t since = known_since(thread, &before), ran_before = thread->measured_at ? thread->ran_ns : 0;
    if (since && busy >= before && now > since) {
        load = (busy - before) * BALANCE_CPU / (now - since);
        if (now - since >= SHORT)
            self->running += ran > ran_before ? (uint32_t)((ran - ran_before) * BALANCE_CPU / (now - since)) : 0;
    }
    if (load > BALANCE_CPU)
        load = BALANCE_CPU;
    if (now - since < SHORT)
        return (uint32_t)load;
    /* half of the old load stays: a moment in which the machine did something else moves no thread */
    if (thread->load)
        load = (load + thread->load) / 2;
    thread->load = (uint32_t)load;
    thread->busy_ns = busy;
    thread->ran_ns = ran;
    thread->measured_at = now;
    return thread->load;
}

static bool is_movable(const struct thread *thread, const struct plan_rule *rule, uint64_t now)
{
    return rule->steal != STEAL_OFF && !thread->main && !thread->pick.claims && thread->cpus == STANDING_RULE &&
           now - thread->placed_at >= rule->min_residency_ms * NS_PER_MS;
}

static void take_in(struct thread *thread, void *context)
{
    struct rebalance *self = context;
    uint64_t now = self->looked_at;
    /* the worker does not own the record: the thread may get another rule, or none, at any moment */
    uint32_t rule = __atomic_load_n(&thread->rule, __ATOMIC_RELAXED);
    uint32_t slot = __atomic_load_n(&thread->pick.slot, __ATOMIC_RELAXED);

    if (!thread->holds_pick || !atomic_load(&thread->tid) || rule >= shim.plan.count[PLAN_RULES] ||
        slot >= shim.plan.count[PLAN_SLOTS])
        return;
    if (self->skipped++ < self->turn || self->count == REBALANCE_MOST)
        return;
    self->threads[self->count] = thread;
    self->loads[self->count++] = (struct balance_thread){
        .rule = rule,
        .slot = slot,
        .load = measure(self, thread, now),
        .movable = is_movable(thread, &shim.plan.rules[rule], now),
    };
}

/* --- threads with one lock --- */

/*
 * Threads that belong together (`primary`) are left where they are as long as one runs at a time: those that wait for
 * their lock wake now and then to ask for it, and then wait for a CPU where other programs are busy, so they look as if
 * they had much to do. Where their place is a single CPU it cannot be told; they then hardly sleep.
 */
static bool counts(const struct rebalance *self, const struct balance_thread *thread)
{
    const struct plan_view *plan = &shim.plan;
    if (plan->rules[thread->rule].distribution != DIST_PRIMARY)
        return true;
    if (plan->masks[plan->slots[thread->slot].mask].weight > 1)
        return self->crowded >= SURE;
    return thread->load >= NEVER_SLEEPS;
}

static void leave_out_waiters(struct rebalance *self)
{
    self->crowded = self->running >= AT_A_TIME ? self->crowded + 1 : 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (!counts(self, &self->loads[i]))
            self->loads[i].load = 0;
}

/* --- a look --- */

static void note_quiet(struct rebalance *self)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < self->count; i++)
        sum += self->loads[i].load;
    self->quiet = sum < QUIET_LOAD ? self->quiet + 1 : 0;
}

/* Soon after threads were made, and where some move; then less and less often, up to a second. */
static void choose_pause(struct rebalance *self, bool moved)
{
    uint64_t least = interval(), cost = (monotonic_ns() - self->looked_at) * COST_PART;
    uint64_t longest = least > LONGEST ? least : LONGEST;
    bool soon = moved || !self->pause || (self->crowded && self->crowded < SURE);
    self->pause = soon ? least : 2 * self->pause;
    self->pause = self->pause > longest ? longest : self->pause;
    self->pause = self->pause < cost ? cost : self->pause;
}

void rebalance_look(struct rebalance *self)
{
    self->looked_at = monotonic_ns();
    self->count = self->skipped = self->running = 0;
    thread_each(take_in, self);
    self->turn = self->skipped > self->turn + self->count ? self->turn + self->count : 0;
    note_quiet(self);
    leave_out_waiters(self);
    uint32_t moves = balance(&shim.plan, self->loads, self->count, self->cpu_load, MOVES_MOST);
    for (uint32_t i = 0; moves && i < self->count; i++)
        if (self->loads[i].to != PLAN_NONE)
            settle_elsewhere(self->threads[i], self->loads[i].rule, self->loads[i].to, REASON_BALANCED);
    choose_pause(self, moves != 0);
}
