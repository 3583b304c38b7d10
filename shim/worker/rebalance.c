#include "shim/worker/rebalance.h"

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/place/settle.h"
#include "shim/worker/worker.h"

#define MOVES_MOST  64u
#define QUIET_LOOKS 3u
#define QUIET_LOAD  50u /* all threads together, in thousandths of a CPU */

/* --- when --- */

static bool has_crowded_place(const struct plan_rule *rule)
{
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
        due = plan->rules[i].steal != STEAL_OFF && has_crowded_place(&plan->rules[i]);
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

/* The shortest interval of the rules that steal. */
static uint64_t interval(void)
{
    const struct plan_view *plan = &shim.plan;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].steal != STEAL_OFF && plan->rules[i].interval_ms * NS_PER_MS < least)
            least = plan->rules[i].interval_ms * NS_PER_MS;
    return least < 10 * NS_PER_MS ? 10 * NS_PER_MS : least;
}

uint64_t rebalance_wait(const struct rebalance *self)
{
    uint64_t since = monotonic_ns() - self->looked_at;
    return since < interval() ? interval() - since : 0;
}

/* --- measuring --- */

/* Reads "RUN WAITED SLICES", in ns (Documentation/scheduler/sched-stats.rst). 0: not available. */
static uint64_t busy_time(uint32_t tid)
{
    char path[64] = "", text[96];
    struct text_writer writer = {path, sizeof(path), 0};
    const char *at = text;
    write_text(&writer, "/proc/self/task/");
    write_number(&writer, tid, 0);
    write_text(&writer, "/schedstat");
    if (!facts_read_file(path, text, sizeof(text)))
        return 0;
    uint64_t run = read_number(&at);
    at += *at == ' ';
    return run + read_number(&at);
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
static uint32_t measure(struct thread *thread, uint64_t now)
{
    uint64_t busy = busy_time(atomic_load(&thread->tid)), load = 0, before, since = known_since(thread, &before);
    if (since && busy >= before && now > since)
        load = (busy - before) * BALANCE_CPU / (now - since);
    if (load > BALANCE_CPU)
        load = BALANCE_CPU;
    /* half of the old load stays: a moment in which the machine did something else moves no thread */
    if (thread->load)
        load = (load + thread->load) / 2;
    thread->load = (uint32_t)load;
    thread->busy_ns = busy;
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
        .load = measure(thread, now),
        .movable = is_movable(thread, &shim.plan.rules[rule], now),
    };
}

/* --- a look --- */

static void note_quiet(struct rebalance *self)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < self->count; i++)
        sum += self->loads[i].load;
    self->quiet = sum < QUIET_LOAD ? self->quiet + 1 : 0;
}

void rebalance_look(struct rebalance *self)
{
    self->looked_at = monotonic_ns();
    self->count = self->skipped = 0;
    thread_each(take_in, self);
    self->turn = self->skipped > self->turn + self->count ? self->turn + self->count : 0;
    note_quiet(self);
    if (!balance(&shim.plan, self->loads, self->count, self->cpu_load, MOVES_MOST))
        return;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->loads[i].to != PLAN_NONE)
            settle_elsewhere(self->threads[i], self->loads[i].rule, self->loads[i].to, REASON_BALANCED);
}
