#include "shim/memory/units.h"

#include <string.h>

#include "shim/memory/blocks.h"

#define LEAST_PAGE (UNIT_SIZE / UNIT_PAGES)
#define WAYS       8u  /* blocks that are looked at for an address; the least used of them makes room */
#define DELAY_MS   50u /* the first; each further one is twice as long */
#define DELAYS     6u
#define AGE_MS     4000u  /* votes stay so long at least, */
#define AGE_MOST   60000u /* and at most, */
#define AGE_VOTES  2000u  /* or until there are so many */
#define MIXED_SOME 4u     /* units of a block that were seen twice, to doubt that a few looks mean something */

/* --- the table --- */

static uint32_t first_way(uintptr_t start)
{
    return (uint32_t)((start / BLOCK_SIZE * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (UNITS_BLOCKS - 1);
}

static void init_block(struct block *block, uintptr_t start)
{
    memset(block, 0, sizeof(*block));
    block->start = start;
    for (uint32_t i = 0; i < BLOCK_UNITS; i++) {
        block->units[i].target = UNITS_NOWHERE;
        for (uint32_t j = 0; j < UNIT_PAGES; j++)
            block->units[i].pages[j].target = UNITS_NOWHERE;
    }
}

const struct block *units_known(const struct units *units, uintptr_t start)
{
    uint32_t first = first_way(start);
    for (uint32_t i = 0; i < WAYS; i++)
        if (units->blocks[(first + i) & (UNITS_BLOCKS - 1)].start == start)
            return &units->blocks[(first + i) & (UNITS_BLOCKS - 1)];
    return NULL;
}

/* A block that is in use is not thrown out for an address that is seen once: it loses a vote, and goes when it has none. */
static struct block *make_room(struct block *least, uintptr_t start)
{
    if (least->start && least->seen.votes) {
        least->seen.votes--;
        return NULL;
    }
    init_block(least, start);
    return least;
}

static struct block *block_for(struct units *units, uintptr_t start)
{
    uint32_t first = first_way(start);
    struct block *least = NULL;
    for (uint32_t i = 0; i < WAYS; i++) {
        struct block *block = &units->blocks[(first + i) & (UNITS_BLOCKS - 1)];
        if (block->start == start)
            return block;
        if (!least || block->seen.votes < least->seen.votes || (!block->start && least->start))
            least = block;
    }
    return make_room(least, start);
}

/* --- votes --- */

void units_vote(struct units *units, uintptr_t address, uint32_t node, uint32_t now_ms)
{
    if (node >= UNITS_NODES || address < BLOCK_SIZE)
        return;
    struct block *block = block_for(units, address & ~(BLOCK_SIZE - 1));
    if (!block)
        return;
    uint32_t number = (uint32_t)(address / UNIT_SIZE % BLOCK_UNITS);
    struct unit *unit = &block->units[number];
    if (!unit->seen_ms)
        unit->seen_ms = now_ms;
    struct page_use *page = &unit->pages[address / LEAST_PAGE % UNIT_PAGES >> units->larger];
    votes_count(block, unit, page, (uint8_t)node);
    units->votes++;
    block->fresh = block->seen.votes == ONE_VOTES ? UINT32_MAX : block->fresh | UINT32_C(1) << number;
    size_t place = (size_t)(block - units->blocks);
    units->fresh[place / 64] |= UINT64_C(1) << place % 64;
}

/* --- decisions --- */

static void aim_all(struct unit_move *move, uint8_t node)
{
    for (uint32_t i = 0; i < UNIT_PAGES; i++)
        move->targets[i] = node;
}

static bool is_unseen(const struct unit *unit)
{
    return !unit->seen_ms && !unit->dealt && unit->target == UNITS_NOWHERE;
}

static void take_neighbours(struct unit_move *move)
{
    const struct unit *first = move->block->units, *past = first + BLOCK_UNITS, *unit = move->unit;
    while (move->after < UNIT_AHEAD && unit + move->after + 1 < past && is_unseen(unit + move->after + 1))
        move->after++;
    while (move->before < UNIT_BEHIND && unit - move->before > first && is_unseen(unit - move->before - 1))
        move->before++;
}

static bool decide_whole(const struct tally *tally, struct unit_move *move)
{
    const struct unit *unit = move->unit;
    if (unit->target == tally->node || unit->moves >= UNIT_MOVES)
        return false;
    if (unit->dealt && (tally->votes < UNIT_SURE_VOTES || tally->others * 16 > tally->votes))
        return false;
    move->whole = true;
    aim_all(move, tally->node);
    take_neighbours(move);
    return true;
}

/* A number below `count` for each number. Multiples of the golden ratio spread any run of numbers evenly. */
static uint32_t turn(uintptr_t number, uint32_t count)
{
    return (uint32_t)((uint64_t)(uint32_t)(number * UINT32_C(0x9E3779B9)) * count >> 32);
}

/* Whose turn it is: each node's as often as its threads use the memory. Blocks are few: they take turns strictly. */
static uint8_t whose_turn(const struct users *users, uintptr_t start, bool as_one)
{
    uintptr_t number = start / (as_one ? BLOCK_SIZE : UNIT_SIZE);
    if (are_even(users))
        return users->nodes[as_one ? number % users->count : turn(number, users->count)];
    uint32_t part = turn(number, users->votes), i = 0;
    while (i + 1 < users->count && part >= users->of[i])
        part -= users->of[i++];
    return users->nodes[i];
}

static bool deal_out(const struct users *users, struct unit_move *move)
{
    if (move->unit->dealt || move->unit->moves >= UNIT_MOVES || users->count < 2)
        return false;
    move->dealt = true;
    move->as_one = move->block->as_one;
    aim_all(move, whose_turn(users, move->start, move->as_one));
    return true;
}

/* Whose turn it is among the users of one page. */
static uint8_t user_of(const struct page_use *page, const struct users *users, uintptr_t number)
{
    uint8_t nodes[UNITS_NODES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < users->count; i++)
        if (page->users & user_bit(users->nodes[i]))
            nodes[count++] = users->nodes[i];
    return count ? nodes[turn(number, count)] : page->node;
}

static bool is_with_users(const struct page_use *page)
{
    return page->users & user_bit(page->target);
}

/* Is it sure enough whose page it is, to undo what was dealt out without knowing? */
static bool is_sure(const struct page_use *page, enum page_sort sort)
{
    if (sort == SORT_SINGLE)
        return votes_of(page) >= 3 && !page->others;
    return votes_of(page) >= 2 * PAGE_DEAL_VOTES && __builtin_popcount(page->users) <= 2;
}

static uint8_t target_of(const struct page_use *page, bool dealt, const struct users *users, uintptr_t number)
{
    enum page_sort sort = sort_of(page);
    if (sort == SORT_UNKNOWN || page->moves >= UNIT_MOVES || (dealt && !is_sure(page, sort)))
        return UNITS_NOWHERE;
    if (sort == SORT_SHARED && page->target != UNITS_NOWHERE && (!dealt || is_with_users(page)))
        return UNITS_NOWHERE;
    uint8_t node = sort == SORT_SINGLE ? page->node : user_of(page, users, number);
    return node == page->target ? UNITS_NOWHERE : node;
}

/* Neighbours in a unit have different users: each page that was seen goes to its own. */
static bool divide(const struct users *users, struct unit_move *move)
{
    bool any = false;
    if (move->unit->dealt && move->block->seen.thrice < 2 * KNOWN_PAGES)
        return false;
    for (uint32_t i = 0; i < UNIT_PAGES; i++) {
        move->targets[i] = target_of(&move->unit->pages[i], move->unit->dealt, users, move->start / LEAST_PAGE + i);
        any = any || move->targets[i] != UNITS_NOWHERE;
    }
    return any;
}

/*
 * Where threads of several nodes come by, a few looks of one node are chance. Where all looks at the block are one node's, one
 * at the unit is enough, once: in a large slice no unit has many.
 */
static uint32_t votes_for_one(const struct block *block, const struct unit *unit, uint8_t node)
{
    if (block->spread)
        return 2 * UNIT_VOTES;
    if (!unit->moves && is_of_one(&block->seen, node))
        return 1;
    return is_mixed(block, MIXED_SOME) ? 2 * UNIT_VOTES : UNIT_VOTES;
}

static bool is_for_one(const struct block *block, const struct unit *unit, const struct tally *count)
{
    return count->votes && count->others * 5 <= count->votes && count->votes >= votes_for_one(block, unit, count->node);
}

static bool decide(struct unit_move *move)
{
    const struct tally count = tally(move->unit);
    struct users users;
    aim_all(move, UNITS_NOWHERE);
    /* most units have a vote or two: what looks at the whole block comes last */
    if (is_for_one(move->block, move->unit, &count))
        return decide_whole(&count, move);
    if (!move->block->spread && count.votes < UNIT_DEAL_VOTES)
        return false;
    block_users(move->block, &users);
    if (move->block->spread && deal_out(&users, move))
        return true;
    if (count.votes < UNIT_DEAL_VOTES)
        return false;
    switch (sharing_of(&move->block->seen, &users)) {
    case SHARING_ALL:
        return deal_out(&users, move);
    case SHARING_PAGES:
        return divide(&users, move);
    default:
        return false;
    }
}

static bool rests(const struct unit *unit, uint32_t now_ms)
{
    return unit->delays && (int32_t)(now_ms - unit->rests_until) < 0;
}

/* Of one block. */
static bool next_in(struct block *block, uint32_t now_ms, struct unit_move *ret_move)
{
    for (uint32_t left = block->fresh; left; left &= left - 1) {
        uint32_t number = (uint32_t)__builtin_ctz(left);
        struct unit *unit = &block->units[number];
        *ret_move = (struct unit_move){.block = block, .unit = unit, .start = block->start + number * UNIT_SIZE};
        if (rests(unit, now_ms))
            continue; /* its bit stays: it is due later */
        block->fresh &= ~(UINT32_C(1) << number);
        if (decide(ret_move))
            return true;
    }
    return false;
}

/* One after the other, as long as there is something to decide about in it. */
bool units_next(struct units *units, uint32_t now_ms, struct unit_move *ret_move)
{
    for (uint32_t word = 0; word < UNITS_BLOCKS / 64; word++)
        for (uint64_t left = units->fresh[word]; left; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            struct block *block = &units->blocks[word * 64 + bit];
            if (block_asks(units, block)) {
                *ret_move =
                    (struct unit_move){.block = block, .unit = block->units, .start = block->start, .asks = true};
                aim_all(ret_move, UNITS_NOWHERE);
                return true;
            }
            if (next_in(block, now_ms, ret_move))
                return true;
            if (!block->fresh)
                units->fresh[word] &= ~(UINT64_C(1) << bit);
        }
    return false;
}

void units_done(const struct unit_move *move, bool moved)
{
    struct unit *unit = move->unit;
    bool together = move->whole || move->dealt;
    unit->target = move->whole ? move->targets[0] : UNITS_NOWHERE;
    for (uint32_t i = 1; i <= move->after; i++)
        unit[i].target = unit->target;
    for (uint32_t i = 1; i <= move->before; i++)
        unit[-(int32_t)i].target = unit->target;
    unit->dealt = move->dealt;
    unit->delays = 0;
    if (moved && together)
        unit->moves++;
    for (uint32_t i = 0; i < UNIT_PAGES; i++)
        if (move->targets[i] != UNITS_NOWHERE) {
            unit->pages[i].target = move->targets[i];
            if (moved && !together)
                unit->pages[i].moves++;
        }
}

void units_delay(const struct unit_move *move, uint32_t now_ms)
{
    struct unit *unit = move->unit;
    if (unit->delays == DELAYS) {
        units_refuse(move);
        return;
    }
    unit->rests_until = now_ms + (DELAY_MS << unit->delays++);
    move->block->fresh |= UINT32_C(1) << (unit - move->block->units);
}

void units_leave(const struct unit_move *move)
{
    move->unit->delays = 0;
}

void units_refuse(const struct unit_move *move)
{
    move->unit->moves = UNIT_MOVES;
    for (uint32_t i = 0; i < UNIT_PAGES; i++)
        move->unit->pages[i].moves = UNIT_MOVES;
}

static void forget(struct unit *unit)
{
    unit->target = UNITS_NOWHERE;
    unit->dealt = false;
    for (uint32_t i = 0; i < UNIT_PAGES; i++)
        unit->pages[i].target = UNITS_NOWHERE;
}

void units_forget(struct units *units, uintptr_t start, size_t size)
{
    for (uint32_t i = 0; i < UNITS_BLOCKS; i++) {
        struct block *block = &units->blocks[i];
        if (!block->start || block->start - start >= size)
            continue;
        for (uint32_t j = 0; j < BLOCK_UNITS; j++)
            forget(&block->units[j]);
        block->fresh = UINT32_MAX;
        units->fresh[i / 64] |= UINT64_C(1) << i % 64;
    }
}

bool units_are_old(const struct units *units, uint32_t now_ms)
{
    uint32_t age = now_ms - units->aged_ms;
    return age >= AGE_MS && (units->votes >= AGE_VOTES || age >= AGE_MOST);
}

void units_age(struct units *units, uint32_t now_ms)
{
    units->votes = 0;
    units->aged_ms = now_ms;
    for (uint32_t i = 0; i < UNITS_BLOCKS; i++)
        if (units->blocks[i].start)
            votes_age(&units->blocks[i]);
}
