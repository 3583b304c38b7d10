#include "policy/grouping.h"

#include <string.h>

#include "policy/pick.h"

/* How near two threads are: to share a node counts in full, a cache or a package a little. */
enum nearness { NEAR_NOT = 0, NEAR_PACKAGE = 1, NEAR_NODE = 4, NEAR_L3 = 5 };

#define CHANCE  3  /* standard deviations */
#define IN_VAIN 6u /* steps after the best result so far, after which no better one is expected */

/* --- places --- */

/* NULL: no slot, or one without a CPU. */
static const struct plan_cpu *cpu_of(const struct plan_view *plan, uint32_t slot)
{
    const struct plan_mask *mask = slot == PLAN_NONE ? NULL : &plan->masks[plan->slots[slot].mask];
    if (!mask || !mask->weight)
        return NULL;
    uint32_t id = mask->first_word * 64 + (uint32_t)__builtin_ctzll(plan->words[mask->word_first]);
    return id < plan->count[PLAN_CPUS] ? &plan->cpus[id] : NULL;
}

static enum nearness nearness(const struct plan_view *plan, uint32_t slot, uint32_t other)
{
    const struct plan_cpu *a = cpu_of(plan, slot), *b = cpu_of(plan, other);
    if (!a || !b)
        return NEAR_NOT;
    if (a->node == b->node)
        return a->l3 == b->l3 ? NEAR_L3 : NEAR_NODE;
    return a->package == b->package ? NEAR_PACKAGE : NEAR_NOT;
}

/* Slots under one cache are one place. PLAN_NONE: there are too many places. */
static uint32_t place_of_slot(struct grouping *g, uint32_t slot)
{
    for (uint32_t i = 0; i < g->place_count; i++)
        if (g->places[i] == slot || nearness(g->plan, g->places[i], slot) == NEAR_L3)
            return i;
    if (g->place_count == GROUPING_THREADS)
        return PLAN_NONE;
    g->places[g->place_count] = slot;
    return g->place_count++;
}

/* --- what threads have in common --- */

static bool has_place(const struct grouping *g, uint32_t thread)
{
    return g->threads[thread].slot != PLAN_NONE;
}

static int64_t degree(const struct grouping *g, const grouping_weights *weights, uint32_t thread)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < g->count; i++)
        sum += has_place(g, i) ? (*weights)[thread][i] : 0;
    return sum;
}

static void find_usual(struct grouping *g)
{
    int64_t sum = 0, count = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        count += has_place(g, i);
        sum += has_place(g, i) ? degree(g, g->found, i) : 0;
    }
    g->usual = count > 1 ? sum / (count * (count - 1)) : 0;
}

/* What the thread pulls at the others, from the slot where it is now or will be. sign: 1 or -1. */
static void add_pull(struct grouping *g, uint32_t thread, int64_t sign)
{
    for (uint32_t place = 0; place < g->place_count; place++) {
        int64_t near = sign * (int64_t)nearness(g->plan, g->places[place], g->slot_of[thread]);
        g->near[place] += near;
        for (uint32_t other = 0; near && other < g->count; other++)
            g->pull[other][place] += (int64_t)(*g->found)[other][thread] * near;
    }
}

static void fill_pulls(struct grouping *g)
{
    memset(g->near, 0, sizeof(g->near));
    for (uint32_t i = 0; i < g->count; i++)
        memset(g->pull[i], 0, sizeof(g->pull[i]));
    for (uint32_t i = 0; i < g->count; i++)
        add_pull(g, i, 1);
}

static void put(struct grouping *g, uint32_t thread, uint32_t slot)
{
    add_pull(g, thread, -1);
    g->slot_of[thread] = slot;
    g->place_of[thread] = place_of_slot(g, slot);
    add_pull(g, thread, 1);
    g->done[thread] = true;
}

/* --- steps --- */

struct candidate {
    struct grouping_step step;
    int64_t gain;
    bool any;
};

static void consider(struct candidate *best, uint32_t first, uint32_t second, uint32_t from, uint32_t to, int64_t gain)
{
    if (!best->any || gain > best->gain)
        *best = (struct candidate){{first, second, from, to}, gain, true};
}

static int64_t gain_of_move(const struct grouping *g, uint32_t thread, uint32_t place)
{
    return g->pull[thread][place] - g->pull[thread][g->place_of[thread]];
}

static void try_exchanges(const struct grouping *g, uint32_t a, struct candidate *best)
{
    for (uint32_t b = a + 1; b < g->count; b++) {
        uint32_t from = g->place_of[a], to = g->place_of[b];
        if (g->done[b] || from == to || g->threads[a].rule != g->threads[b].rule)
            continue;
        /* the two are as far apart afterwards as before, but each was counted as if the other stayed */
        int64_t apart = NEAR_L3 - (int64_t)nearness(g->plan, g->slot_of[a], g->slot_of[b]);
        int64_t gain = gain_of_move(g, a, to) + gain_of_move(g, b, from) - 2 * apart * (int64_t)(*g->found)[a][b];
        consider(best, a, b, g->slot_of[a], g->slot_of[b], gain);
    }
}

/* How many more threads the slot has after the steps so far. */
static int64_t come_to(const struct grouping *g, uint32_t slot)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < g->step_count; i++)
        if (g->steps[i].second == PLAN_NONE)
            count += (int64_t)(g->steps[i].to == slot) - (int64_t)(g->steps[i].from == slot);
    return count;
}

/*
 * Where there is room, only what is beyond the usual counts: threads that have as much in common with all others gain
 * nothing by crowding.
 */
static int64_t gain_of_room(const struct grouping *g, uint32_t thread, uint32_t place)
{
    int64_t others = g->near[place] - (g->near[g->place_of[thread]] - NEAR_L3) -
                     (int64_t)nearness(g->plan, g->places[place], g->slot_of[thread]);
    return gain_of_move(g, thread, place) - g->usual * others;
}

static void try_rooms(struct grouping *g, uint32_t thread, struct candidate *best)
{
    const struct plan_rule *rule = &g->plan->rules[g->threads[thread].rule];
    for (uint32_t slot = rule->slot_first; slot < rule->slot_first + rule->slot_count; slot++) {
        uint32_t place = place_of_slot(g, slot);
        if (place == PLAN_NONE || place == g->place_of[thread])
            continue;
        int64_t gain = gain_of_room(g, thread, place);
        if (gain > 0 && (!best->any || gain > best->gain) &&
            pick_has_core(g->plan, g->occupancy, slot, come_to(g, slot)))
            consider(best, thread, PLAN_NONE, g->slot_of[thread], slot, gain);
    }
}

static struct candidate best_step(struct grouping *g)
{
    struct candidate best = {.any = false};
    for (uint32_t a = 0; a < g->count; a++) {
        if (g->done[a])
            continue;
        try_exchanges(g, a, &best);
        try_rooms(g, a, &best);
    }
    return best;
}

static void take(struct grouping *g, const struct grouping_step *step)
{
    put(g, step->first, step->to);
    if (step->second != PLAN_NONE)
        put(g, step->second, step->from);
    g->steps[g->step_count++] = *step;
}

/*
 * Always the best step, also where it brings nothing yet, because two exchanges may do what none does alone (Kernighan
 * and Lin). Of the row of steps that part counts which brings most.
 */
static void find_steps(struct grouping *g)
{
    int64_t gain = 0, most = 0;
    uint32_t best_count = 0;
    while (g->step_count < GROUPING_STEPS && g->step_count - best_count < IN_VAIN) {
        struct candidate best = best_step(g);
        if (!best.any)
            break;
        take(g, &best.step);
        gain += best.gain;
        if (gain > most) {
            most = gain;
            best_count = g->step_count;
        }
    }
    g->step_count = best_count;
}

/* --- is it worth while? --- */

static void apply_steps(struct grouping *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        g->slot_of[i] = g->threads[i].slot;
        g->done[i] = false;
    }
    for (uint32_t i = 0; i < g->step_count; i++) {
        const struct grouping_step *step = &g->steps[i];
        g->slot_of[step->first] = step->to;
        g->done[step->first] = true;
        if (step->second != PLAN_NONE) {
            g->slot_of[step->second] = step->from;
            g->done[step->second] = true;
        }
    }
}

/* By one round of evidence. Both numbers are in what NEAR_NODE is for one observation. */
static bool is_worth_while(const struct grouping *g, const grouping_weights *weights)
{
    int64_t gain = 0, concerned = 0;
    for (uint32_t a = 0; a < g->count; a++) {
        concerned += g->done[a] ? degree(g, weights, a) : 0;
        for (uint32_t b = 0; b < a; b++)
            if ((*weights)[a][b])
                gain +=
                    (int64_t)(*weights)[a][b] * ((int64_t)nearness(g->plan, g->slot_of[a], g->slot_of[b]) -
                                                 (int64_t)nearness(g->plan, g->threads[a].slot, g->threads[b].slot));
    }
    gain /= NEAR_NODE * (int64_t)g->one;
    concerned /= g->one;
    return gain > 0 && gain * 100 >= concerned * GROUPING_MARGIN && gain * gain >= CHANCE * CHANCE * concerned;
}

/* --- public --- */

static bool is_first_of_rule(const struct grouping *g, uint32_t thread)
{
    for (uint32_t i = 0; i < thread; i++)
        if (g->threads[i].rule == g->threads[thread].rule)
            return false;
    return true;
}

/* Of all places that a thread may go to; those where threads are come first, so there is room for them. */
static void list_places(struct grouping *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        g->place_of[i] = has_place(g, i) ? place_of_slot(g, g->threads[i].slot) : PLAN_NONE;
    for (uint32_t i = 0; i < g->count; i++) {
        if (!has_place(g, i))
            continue;
        const struct plan_rule *rule = &g->plan->rules[g->threads[i].rule];
        for (uint32_t slot = 0; is_first_of_rule(g, i) && slot < rule->slot_count; slot++)
            place_of_slot(g, rule->slot_first + slot);
    }
}

static bool begin(struct grouping *g)
{
    g->place_count = g->step_count = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        g->slot_of[i] = g->threads[i].slot;
        g->done[i] = !g->threads[i].movable || !has_place(g, i);
    }
    list_places(g);
    find_usual(g);
    return g->usual > 0;
}

uint32_t grouping_find(struct grouping *g, const struct grouping_step **ret_steps)
{
    *ret_steps = g->steps;
    if (!begin(g))
        return 0;
    fill_pulls(g);
    find_steps(g);
    apply_steps(g);
    if (!g->step_count || !is_worth_while(g, g->found) || !is_worth_while(g, g->shown))
        return 0;
    return g->step_count;
}
