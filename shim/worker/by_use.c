#include "shim/worker/by_use.h"

#include <linux/mempolicy.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/sys/placing.h"

#define MOST_PAGES ((UNIT_BEHIND + 1 + UNIT_AHEAD) * UNIT_PAGES)
#define SETTLE_MS  400u /* pages of blocks: before, others than their first users may only just have looked at them */

void by_use_begin(struct by_use *self, struct mover *mover, struct usage *usage)
{
    self->units.larger = (uint8_t)(__builtin_ctzll(page_size()) - __builtin_ctzll(UNIT_SIZE / UNIT_PAGES));
    self->mover = mover;
    self->usage = usage;
    by_use_tick(self);
    self->units.aged_ms = self->now_ms;
}

void by_use_tick(struct by_use *self)
{
    self->now_ms = (uint32_t)(monotonic_ns() / NS_PER_MS) | 1;
}

void by_use_vote(struct by_use *self, uintptr_t address, uint16_t node)
{
    units_vote(&self->units, address, node, self->now_ms);
}

/* --- may it move? --- */

bool by_use_is_wanted(uint32_t rule)
{
    const struct plan_view *plan = &shim.plan;
    if (rule >= plan->count[PLAN_RULES])
        rule = plan->header->default_rule;
    return rule == PLAN_NONE || (plan->rules[rule].flags & PLAN_RULE_NEXT_TOUCH);
}

/* Memory with a policy of its own is where the program, or a mapping rule, wants it. */
static bool has_policy(uintptr_t start)
{
    uint64_t nodes[NODE_WORDS];
    int mode = MPOL_DEFAULT;
    return sys_get_memory_at((void *)start, &mode, nodes, NODE_WORDS) != 0 || mode != MPOL_DEFAULT;
}

/* Tells the table when the answer is no. */
static bool may_move(struct by_use *self, const struct unit_move *move, struct away *ret_away)
{
    *ret_away = (struct away){.page = NULL, .rule = PLAN_NONE};
    if (!usage_leaves(self->usage, move->start + UNIT_SIZE / 2)) {
        units_leave(move);
        return false;
    }
    if (away_covers(move->start)) {
        bool young = self->now_ms - move->unit->seen_ms < SETTLE_MS;
        if (young || !away_find(move->start, ret_away)) {
            units_delay(move, self->now_ms);
            return false;
        }
    } else if (has_policy(move->start)) {
        units_refuse(move);
        return false;
    }
    if (by_use_is_wanted(ret_away->rule))
        return true;
    units_refuse(move);
    return false;
}

/* --- where is it? --- */

struct places {
    uint32_t count; /* of pages that are to move */
    uint32_t hidden;
    uint32_t elsewhere;
};

/*
 * Pages that the kernel's own balancing has just hidden count as not present (Linux 6.1), although they are in use: they
 * are asked for later.
 */
static struct places look(const struct by_use *self, const struct unit_move *move)
{
    const uint32_t count = UNIT_PAGES >> self->units.larger;
    struct places places = {0};
    void *pages[UNIT_PAGES];
    int nodes[UNIT_PAGES];
    for (uint32_t i = 0; i < count; i++)
        pages[i] = (void *)(move->start + i * page_size());
    if (sys_move_pages(count, pages, NULL, nodes) != 0)
        return places;
    for (uint32_t i = 0; i < count; i++)
        if (move->targets[i] != UNITS_NOWHERE) {
            places.count++;
            places.hidden += nodes[i] < 0 && move->unit->pages[i].votes;
            places.elsewhere += nodes[i] >= 0 && nodes[i] != move->targets[i];
        }
    return places;
}

/* Asks the kernel where the pages of a whole block are. */
static void answer(struct by_use *self, const struct unit_move *move)
{
    const uint32_t pages = UNIT_PAGES * BLOCK_UNITS >> self->units.larger;
    uint32_t on[UNITS_NODES] = {0}, present = 0, most = 0;
    for (uint32_t i = 0; i < pages; i++)
        self->asked.pages[i] = (void *)(move->start + i * page_size());
    if (sys_move_pages(pages, self->asked.pages, NULL, self->asked.nodes) != 0)
        return;
    for (uint32_t i = 0; i < pages; i++)
        if (self->asked.nodes[i] >= 0 && self->asked.nodes[i] < (int)UNITS_NODES) {
            uint32_t count = ++on[self->asked.nodes[i]];
            most = count > most ? count : most;
            present++;
        }
    units_answer(move, present, most);
}

static void add_pages(struct by_use *self, const struct unit_move *move)
{
    mover_add(self->mover, move->start - move->before * UNIT_SIZE, move->before * UNIT_SIZE, move->targets[0]);
    mover_add(self->mover, move->start + UNIT_SIZE, move->after * UNIT_SIZE, move->targets[0]);
    for (uint32_t i = 0; i < UNIT_PAGES >> self->units.larger; i++)
        if (move->targets[i] != UNITS_NOWHERE)
            mover_add(self->mover, move->start + i * page_size(), page_size(), move->targets[i]);
}

/* --- a batch --- */

static void add(struct by_use *self, struct unit_move *move)
{
    struct away away;
    if (move->asks) {
        answer(self, move);
        return;
    }
    if (!may_move(self, move, &away))
        return;
    if (away.page)
        move->before = move->after = 0; /* other threads' blocks */
    struct places places = look(self, move);
    if (places.hidden && !places.elsewhere) {
        units_delay(move, self->now_ms);
        return;
    }
    if (!places.elsewhere) {
        units_done(move, false);
        return;
    }
    if (away.page && !away_mark(&away)) {
        units_delay(move, self->now_ms);
        return;
    }
    if (!away.page && !move->as_one) /* a huge page goes to the node of its block as it is */
        mover_cut(move->start - move->before * UNIT_SIZE, (move->before + 1u + move->after) * UNIT_SIZE);
    mover_also(self->mover, away.rule);
    add_pages(self, move);
    units_done(move, true);
    if (places.hidden)
        units_delay(move, self->now_ms);
    self->moves[self->count] = *move;
    self->aways[self->count++] = away;
}

/* The blocks were freed meanwhile, and another thread may have the addresses: it expects them on the region's node. */
static void undo(struct by_use *self, const struct unit_move *move, const struct away *away)
{
    uint32_t home = region_home(&region_list[page_region(away->page)]);
    if (home != UINT32_MAX)
        mover_add_all(self->mover, move->start, UNIT_SIZE, home);
}

static void finish(struct by_use *self)
{
    if (mover_run(self->mover) == 0)
        for (uint32_t i = 0; i < self->count; i++)
            if (self->aways[i].page && !away_check(&self->aways[i]))
                undo(self, &self->moves[i], &self->aways[i]);
    mover_run(self->mover);
    self->count = 0;
}

bool by_use_move(struct by_use *self)
{
    struct unit_move move;
    if (units_are_old(&self->units, self->now_ms))
        units_age(&self->units, self->now_ms);
    mover_begin(self->mover, PLAN_NONE);
    while (self->count < BY_USE_BATCH && self->mover->count + MOST_PAGES <= MOVER_BATCH &&
           units_next(&self->units, self->now_ms, &move))
        add(self, &move);
    bool any = self->count > 0;
    if (any)
        finish(self);
    return any;
}
