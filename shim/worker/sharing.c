#include "shim/worker/sharing.h"

#include <string.h>

#include "shim/arena/remote.h"
#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/thread.h"
#include "shim/memory/hands.h"
#include "shim/memory/uses.h"
#include "shim/place/settle.h"
#include "shim/sys/raw.h"

#define EVERY        (40 * NS_PER_MS) /* while much may be learned */
#define EVERY_LATER  (200 * NS_PER_MS)
#define CLOSELY      (2000 * NS_PER_MS)
#define WITHOUT      (30 * NS_PER_S) /* a change: it is over */
#define READS        32u             /* files of /proc at a look: some microseconds each */
#define NEEDED_FIRST ((uint64_t)PAIRS_ONE * 4)
#define NEEDED_MOST  ((uint64_t)PAIRS_ONE * 256)
#define OF_TOLD      16u
#define TOLD_THREADS 24u /* their pairs are half of USES_MOST */
#define OF_ACCESSES  32u /* one of so many changes hands, or what threads share does not matter */

_Static_assert(PAIRS_THREADS == GROUPING_THREADS, "a thread has one number in both");

/* --- when --- */

bool sharing_has_work(void)
{
    return shim_needs(PLAN_HAS_SHARING) && shim.plan.count[PLAN_NODES] > 1 &&
           atomic_load_explicit(&shim.next_index, memory_order_relaxed) > 2;
}

void sharing_begin(struct sharing *self)
{
    self->over = !shim_needs(PLAN_HAS_SHARING) || shim.plan.count[PLAN_NODES] < 2;
    self->looked_at = self->began_at = monotonic_ns();
    self->needed = NEEDED_FIRST;
}

void sharing_end(struct sharing *self)
{
    self->over = true;
}

struct pairs *sharing_pairs(struct sharing *self)
{
    return self->over ? NULL : &self->pairs;
}

uint64_t sharing_wait(const struct sharing *self)
{
    if (self->over)
        return UINT64_MAX;
    uint64_t since = monotonic_ns() - self->looked_at;
    uint64_t until = self->looked_at - self->began_at < CLOSELY ? EVERY : EVERY_LATER;
    return since < until ? until - since : 0;
}

/* There is something new to learn. */
static void begin_again(struct sharing *self)
{
    self->began_at = self->looked_at;
    self->needed = NEEDED_FIRST;
}

/* --- threads --- */

static void take_in(struct thread *thread, void *context)
{
    struct sharing *self = context;
    uint32_t number = pairs_number(&self->pairs, atomic_load(&thread->tid));
    if (number == PAIRS_NOBODY)
        return;
    self->live += !self->threads[number];
    self->threads[number] = thread;
}

static void list_threads(struct sharing *self)
{
    bool stays[PAIRS_THREADS];
    uint32_t before = self->live;
    memset(self->threads, 0, self->pairs.count * sizeof(self->threads[0]));
    self->live = 0;
    thread_each(take_in, self);
    for (uint32_t i = 0; i < self->pairs.count; i++) {
        stays[i] = self->threads[i];
        self->moves[i] = stays[i] ? self->moves[i] : 0;
    }
    pairs_keep(&self->pairs, stays);
    if (self->live > before)
        begin_again(self);
}

/* --- what they wait for, free, and send to each other --- */

static uint64_t read_hexadecimal(const char *at)
{
    uint64_t number = 0;
    for (; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
        number = number * 16 + (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return number;
}

/* "202 0x7f… 0x…" of a thread in a system call, "running" of others (proc(5)). 0: it waits for no futex. */
static uintptr_t waits_for(uint32_t tid)
{
    char text[160];
    const char *at = text;
    if (!facts_read_thread_file(tid, "syscall", text, sizeof(text)) || read_number(&at) != SYS_futex ||
        strncmp(at, " 0x", 3) != 0)
        return 0;
    return (uintptr_t)read_hexadecimal(at + 3);
}

static void look_at_wait(struct sharing *self, const struct thread *thread)
{
    uint32_t tid = atomic_load(&thread->tid);
    uintptr_t word = tid ? waits_for(tid) : 0;
    if (word)
        pairs_saw_waiting(&self->pairs, tid, word);
}

/* A heap whose borrower has just changed counts for the wrong thread once. */
static void look_at_frees(struct sharing *self, struct thread *user)
{
    for (uint32_t i = 0; i < self->pairs.count; i++) {
        struct thread *maker = self->threads[i];
        struct heap *owner = maker ? atomic_load_explicit(&maker->heap, memory_order_relaxed) : NULL;
        if (owner && maker != user)
            pairs_handed(&self->pairs, atomic_load(&maker->tid), atomic_load(&user->tid),
                         remote_freed_for(user, owner));
    }
}

/* Who hands over little beside others says little: everyone may send to everyone now and then. */
static void look_at_hands(struct sharing *self)
{
    static struct hand hands[HANDS];
    uint32_t count = 0;
    uint64_t most = 1;
    for (uint32_t i = 0; i < HANDS; i++)
        if (hands_take(i, &hands[count])) {
            most = hands[count].messages > most ? hands[count].messages : most;
            count++;
        }
    for (uint32_t i = 0; i < count; i++)
        pairs_handed(&self->pairs, hands[i].from_tid, hands[i].to_tid,
                     (hands[i].messages * PAIRS_HANDED + most / 2) / most);
}

/* The threads take turns. */
static void look_at_waits(struct sharing *self)
{
    uint32_t reads = 0;
    for (uint32_t i = 0; i < self->pairs.count && reads < READS; i++) {
        uint32_t number = self->turn++ % self->pairs.count;
        if (!self->threads[number])
            continue;
        look_at_wait(self, self->threads[number]);
        reads++;
    }
}

/* Accesses tell more than waits, where they can be seen. */
static void gather(struct sharing *self)
{
    if (self->pairs.accesses == self->accesses)
        look_at_waits(self);
    self->accesses = self->pairs.accesses;
    for (uint32_t i = 0; i < self->pairs.count; i++)
        if (self->threads[i])
            look_at_frees(self, self->threads[i]);
    look_at_hands(self);
}

/* --- deciding --- */

static bool is_movable(const struct thread *thread, const struct plan_rule *rule)
{
    return rule->distribution == DIST_SHARING && !(rule->flags & PLAN_RULE_EXCLUSIVE) && !thread->main &&
           !thread->pick.claims;
}

/* The worker does not own the record: what it reads may change at any moment, and is checked again with the step. */
static struct grouping_thread describe(const struct thread *thread)
{
    struct grouping_thread none = {PLAN_NONE, PLAN_NONE, false};
    if (!thread || !thread->holds_pick || thread->cpus != STANDING_RULE)
        return none;
    uint32_t rule = __atomic_load_n(&thread->rule, __ATOMIC_RELAXED);
    uint32_t slot = __atomic_load_n(&thread->pick.slot, __ATOMIC_RELAXED);
    if (rule >= shim.plan.count[PLAN_RULES] || slot >= shim.plan.count[PLAN_SLOTS])
        return none;
    return (struct grouping_thread){rule, slot, is_movable(thread, &shim.plan.rules[rule])};
}

static void describe_all(struct sharing *self)
{
    struct grouping *grouping = &self->grouping;
    grouping->plan = &shim.plan;
    grouping->count = self->pairs.count;
    grouping->found = &self->pairs.weights[1];
    grouping->shown = &self->pairs.weights[0];
    grouping->one = PAIRS_ONE;
    grouping->occupancy = &shim.occupancy;
    for (uint32_t i = 0; i < grouping->count; i++) {
        grouping->threads[i] = describe(self->threads[i]);
        if (self->moves[i] >= SHARING_MOVES)
            grouping->threads[i].movable = false;
    }
}

static bool take_step(struct sharing *self, const struct grouping_step *step)
{
    uint32_t rule = self->grouping.threads[step->first].rule;
    struct thread *first = self->threads[step->first];
    bool exchange = step->second != PLAN_NONE;
    bool moved =
        exchange ? settle_exchange(first, step->from, self->threads[step->second], step->to, rule, REASON_SHARED_USE)
                 : settle_elsewhere(first, rule, step->to, REASON_SHARED_USE);
    self->moves[step->first] += moved;
    if (exchange)
        self->moves[step->second] += moved;
    return moved;
}

/* Do threads share more than now and then? */
static bool matters(const struct pairs *pairs, uint32_t round)
{
    return pairs->total[round] && pairs->total[round] >= pairs->seen[round] / OF_ACCESSES * PAIRS_ONE;
}

/* Returns whether any thread moved. */
static bool decide(struct sharing *self)
{
    const struct grouping_step *steps;
    bool moved = false;
    if (!matters(&self->pairs, 0) || !matters(&self->pairs, 1))
        return false;
    describe_all(self);
    uint32_t count = grouping_find(&self->grouping, &steps);
    for (uint32_t i = 0; i < count; i++)
        moved = take_step(self, &steps[i]) || moved;
    return moved;
}

/* Will a command ask who shares what (nodewise learn)? */
static bool is_asked(void)
{
    return shim.plan.header->report_pages;
}

/* Of the first threads, because the table is small; nothing where nearly all accesses are to memory of one thread. */
static void tell(const struct sharing *self)
{
    const struct pairs *pairs = &self->pairs;
    uint32_t count = pairs->count < TOLD_THREADS ? pairs->count : TOLD_THREADS;
    if (!is_asked() || pairs->total[0] < pairs->seen[0] / OF_TOLD * PAIRS_ONE)
        return;
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < a; b++)
            if (pairs->weights[0][a][b] >= PAIRS_ONE)
                uses_shared(pairs->tids[b], pairs->tids[a], pairs->weights[0][a][b] / PAIRS_ONE);
}

static void end_round(struct sharing *self)
{
    bool first = !self->pairs.total[1];
    tell(self);
    if (decide(self)) {
        pairs_begin_again(&self->pairs);
        begin_again(self);
        return;
    }
    pairs_next_round(&self->pairs);
    if (!first && self->needed < NEEDED_MOST && !is_asked())
        self->needed *= 2;
}

/* --- a look --- */

void sharing_look(struct sharing *self)
{
    self->looked_at = monotonic_ns();
    self->pairs.now_ms = (uint32_t)(self->looked_at / NS_PER_MS);
    list_threads(self);
    gather(self);
    if (self->pairs.total[0] >= self->needed * self->live && self->live)
        end_round(self);
    self->over = self->live < 2 || self->looked_at - self->began_at > WITHOUT;
}
