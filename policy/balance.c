#include "policy/balance.h"

#include <string.h>

#include "policy/words.h"

/* --- CPUs of a place --- */

#define FOREACH_CPU(id, plan, mask)                                                                                    \
    for (uint32_t id = first_cpu(plan, mask); id != PLAN_NONE; id = next_cpu(plan, mask, id + 1))

static uint32_t next_cpu(const struct plan_view *plan, uint32_t mask, uint32_t from)
{
    const struct plan_mask *m = &plan->masks[mask];
    uint32_t end = (m->first_word + m->word_count) * 64;
    if (from < m->first_word * 64)
        from = m->first_word * 64;
    while (from < end) {
        uint64_t word = plan->words[m->word_first + from / 64 - m->first_word] >> from % 64;
        if (word) {
            from += (uint32_t)__builtin_ctzll(word);
            return from < plan->count[PLAN_CPUS] ? from : PLAN_NONE;
        }
        from = (from / 64 + 1) * 64;
    }
    return PLAN_NONE;
}

static uint32_t first_cpu(const struct plan_view *plan, uint32_t mask)
{
    return next_cpu(plan, mask, 0);
}

static uint32_t weight_of(const struct plan_view *plan, uint32_t slot)
{
    uint32_t weight = plan->masks[plan->slots[slot].mask].weight;
    return weight ? weight : 1;
}

/* --- load --- */

static void add_load(const struct plan_view *plan, uint32_t *cpu_load, uint32_t slot, int64_t load)
{
    int64_t part = load / weight_of(plan, slot);
    FOREACH_CPU(id, plan, plan->slots[slot].mask)
        cpu_load[id] = (int64_t)cpu_load[id] + part > 0 ? (uint32_t)((int64_t)cpu_load[id] + part) : 0;
}

static uint32_t slot_load(const struct plan_view *plan, const uint32_t *cpu_load, uint32_t slot)
{
    uint64_t sum = 0;
    FOREACH_CPU(id, plan, plan->slots[slot].mask)
        sum += cpu_load[id];
    return (uint32_t)(sum / weight_of(plan, slot));
}

/* --- distance --- */

/* The nearest of enum steal that has both: L3, NODE, SOCKET or ANY. */
static uint32_t distance(const struct plan_view *plan, uint32_t a, uint32_t b)
{
    uint32_t first = first_cpu(plan, plan->slots[a].mask), second = first_cpu(plan, plan->slots[b].mask);
    if (first == PLAN_NONE || second == PLAN_NONE)
        return STEAL_ANY;
    if (plan->cpus[first].l3 == plan->cpus[second].l3)
        return STEAL_L3;
    if (plan->cpus[first].node == plan->cpus[second].node)
        return STEAL_NODE;
    return plan->cpus[first].package == plan->cpus[second].package ? STEAL_SOCKET : STEAL_ANY;
}

/* --- one move --- */

struct move {
    struct balance_thread *thread;
    uint32_t from, to, distance, gain;
};

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* By how much of a CPU the loads of the two places come nearer to each other; 0: they do not. */
static uint32_t gain_of(const struct plan_view *plan, const struct balance_thread *thread, uint32_t from_load,
                        uint32_t to_load, uint32_t to)
{
    uint32_t leaves = thread->load / weight_of(plan, thread->slot), comes = thread->load / weight_of(plan, to);
    uint32_t before = apart(from_load, to_load);
    uint32_t after = apart(from_load > leaves ? from_load - leaves : 0, to_load + comes);
    uint32_t weight = weight_of(plan, thread->slot), other = weight_of(plan, to);
    return after < before ? (before - after) * (weight < other ? weight : other) : 0;
}

/* The nearer giver first, then the greater gain. */
static bool is_better(const struct move *move, const struct move *best)
{
    return !best->thread || move->distance < best->distance ||
           (move->distance == best->distance && move->gain > best->gain);
}

static void try_thread(const struct plan_view *plan, struct balance_thread *thread, const uint32_t *cpu_load,
                       uint32_t to, uint32_t to_load, struct move *best)
{
    const struct plan_rule *rule = &plan->rules[thread->rule];
    uint32_t from_load = slot_load(plan, cpu_load, thread->slot);
    struct move move = {thread, thread->slot, to, distance(plan, thread->slot, to), 0};
    if (from_load <= BALANCE_CPU + rule->imbalance_permille || move.distance > rule->steal)
        return;
    move.gain = gain_of(plan, thread, from_load, to_load, to);
    if (move.gain > rule->imbalance_permille && is_better(&move, best))
        *best = move;
}

/* The emptiest place of the rule that has time left: more than a measurement may be wrong by. */
static uint32_t idle_slot(const struct plan_view *plan, uint32_t rule, const uint32_t *cpu_load, uint32_t *ret_load)
{
    uint32_t put_up_with = plan->rules[rule].imbalance_permille, best = PLAN_NONE;
    uint32_t least = BALANCE_CPU > put_up_with ? BALANCE_CPU - put_up_with : 1;
    for (uint32_t i = 0; i < plan->rules[rule].slot_count; i++) {
        uint32_t slot = plan->rules[rule].slot_first + i, load = slot_load(plan, cpu_load, slot);
        if (load < least) {
            least = load;
            best = slot;
        }
    }
    *ret_load = least;
    return best;
}

static bool move_one(const struct plan_view *plan, uint32_t rule, struct balance_thread *threads, uint32_t count,
                     uint32_t *cpu_load)
{
    uint32_t to_load, to = idle_slot(plan, rule, cpu_load, &to_load);
    struct move best = {0};
    for (uint32_t i = 0; to != PLAN_NONE && i < count; i++)
        if (threads[i].rule == rule && threads[i].movable && threads[i].slot != to)
            try_thread(plan, &threads[i], cpu_load, to, to_load, &best);
    if (!best.thread)
        return false;
    add_load(plan, cpu_load, best.from, -(int64_t)best.thread->load);
    add_load(plan, cpu_load, best.to, best.thread->load);
    best.thread->slot = best.thread->to = best.to;
    best.thread->movable = false;
    return true;
}

uint32_t balance(const struct plan_view *plan, struct balance_thread *threads, uint32_t count, uint32_t *cpu_load,
                 uint32_t most)
{
    uint32_t moves = 0;
    memset(cpu_load, 0, plan->count[PLAN_CPUS] * sizeof(*cpu_load));
    for (uint32_t i = 0; i < count; i++) {
        threads[i].to = PLAN_NONE;
        add_load(plan, cpu_load, threads[i].slot, threads[i].load);
    }
    for (uint32_t rule = 0; rule < plan->count[PLAN_RULES]; rule++)
        if (plan->rules[rule].steal != STEAL_OFF && !(plan->rules[rule].flags & PLAN_RULE_EXCLUSIVE))
            while (moves < most && move_one(plan, rule, threads, count, cpu_load))
                moves++;
    return moves;
}
