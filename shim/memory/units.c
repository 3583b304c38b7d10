#include "shim/memory/units.h"

#include <string.h>

#define BLOCK_SIZE      (UNIT_SIZE * BLOCK_UNITS)
#define PAGE_BYTES      (UNIT_SIZE / UNIT_PAGES)
#define WAYS            8u  /* blocks that are looked at for an address; the least used of them makes room */
#define DELAY_MS        50u /* the first; each further one is twice as long */
#define DELAYS          6u
#define MOST_VOTES      200u /* of a page; then they are halved */
#define PAGE_DEAL_VOTES 4u   /* before a page goes to one of its users */
#define KNOWN_PAGES     8u   /* that were seen three times, before it is said who shares what in a block */

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

/* A block that is in use is not thrown out for an address that is seen once: it loses a vote, and goes when it has none. */
static struct block *make_room(struct block *least, uintptr_t start)
{
    if (least->start && least->votes) {
        least->votes--;
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
        if (!least || block->votes < least->votes || (!block->start && least->start))
            least = block;
    }
    return make_room(least, start);
}

/* --- votes --- */

static uint32_t votes_of(const struct page_use *page)
{
    return (uint32_t)page->votes + page->others;
}

static uint16_t user_bit(uint8_t node)
{
    return (uint16_t)(1u << node % 16);
}

static void count_vote(struct page_use *page, uint8_t node)
{
    if (!page->votes)
        page->node = node;
    page->users |= user_bit(node);
    if (page->node == node)
        page->votes++;
    else
        page->others++;
    if (page->others > page->votes) {
        uint8_t votes = page->votes;
        page->node = node;
        page->votes = page->others;
        page->others = votes;
    }
    if (page->votes >= MOST_VOTES) {
        page->votes /= 2;
        page->others /= 2;
    }
}

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
    struct page_use *page = &unit->pages[address / PAGE_BYTES % UNIT_PAGES];
    count_vote(page, (uint8_t)node);
    if (votes_of(page) == 3) {
        block->thrice++;
        block->wide = (uint16_t)(block->wide + (__builtin_popcount(page->users) == 3));
    }
    if (block->by_node[node] < UINT16_MAX)
        block->by_node[node]++;
    block->votes++;
    block->fresh |= UINT32_C(1) << number;
    size_t place = (size_t)(block - units->blocks);
    units->fresh[place / 64] |= UINT64_C(1) << place % 64;
}

/* --- decisions --- */

/* The nodes whose threads use a block, but for those that were hardly seen there. */
struct users {
    uint32_t count, votes;
    uint8_t nodes[UNITS_NODES];
};

static void find_users(const struct block *block, struct users *ret)
{
    uint32_t most = 0;
    ret->count = ret->votes = 0;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        most = block->by_node[i] > most ? block->by_node[i] : most;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        if (block->by_node[i] && block->by_node[i] * 8u >= most) {
            ret->nodes[ret->count++] = (uint8_t)i;
            ret->votes += block->by_node[i];
        }
}

enum page_sort {
    SORT_UNKNOWN, /* hardly seen */
    SORT_SINGLE,  /* one node uses it */
    SORT_SHARED,
};

static enum page_sort sort_of(const struct page_use *page)
{
    if (votes_of(page) < 2)
        return SORT_UNKNOWN;
    if (page->others * 4u <= page->votes)
        return SORT_SINGLE;
    return votes_of(page) < PAGE_DEAL_VOTES ? SORT_UNKNOWN : SORT_SHARED;
}

/* The node that most votes are for, if there is a majority. */
static uint8_t first_node(const struct unit *unit)
{
    uint8_t node = UNITS_NOWHERE;
    uint32_t count = 0;
    for (uint32_t i = 0; i < UNIT_PAGES; i++) {
        const struct page_use *page = &unit->pages[i];
        if (!count)
            node = page->node;
        count = page->node == node ? count + page->votes : count > page->votes ? count - page->votes : 0;
    }
    return node;
}

/* Votes on the pages of a unit: all of them, and how many are not for `node`. */
struct tally {
    uint32_t votes, others;
    uint8_t node;
};

static struct tally tally(const struct unit *unit)
{
    struct tally tally = {.node = first_node(unit)};
    for (uint32_t i = 0; i < UNIT_PAGES; i++) {
        const struct page_use *page = &unit->pages[i];
        tally.votes += votes_of(page);
        tally.others += page->node == tally.node ? page->others : votes_of(page);
    }
    return tally;
}

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

/* Whose turn it is: each node's as often as its threads use the block. */
static uint8_t whose_turn(const struct block *block, const struct users *users, uintptr_t number)
{
    uint32_t part = turn(number, users->votes), i = 0;
    while (i + 1 < users->count && part >= block->by_node[users->nodes[i]])
        part -= block->by_node[users->nodes[i++]];
    return users->nodes[i];
}

static bool deal_out(const struct users *users, struct unit_move *move)
{
    if (move->unit->dealt || move->unit->moves >= UNIT_MOVES || users->count < 2)
        return false;
    move->dealt = true;
    aim_all(move, whose_turn(move->block, users, move->start / UNIT_SIZE));
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

static uint8_t target_of(const struct page_use *page, const struct users *users, uintptr_t number)
{
    enum page_sort sort = sort_of(page);
    bool is_settled = page->target != UNITS_NOWHERE && sort != SORT_SINGLE;
    if (sort == SORT_UNKNOWN || page->moves >= UNIT_MOVES || is_settled)
        return UNITS_NOWHERE;
    uint8_t node = sort == SORT_SINGLE ? page->node : user_of(page, users, number);
    return node == page->target ? UNITS_NOWHERE : node;
}

/* Neighbours in a unit have different users: each page that was seen goes to its own. */
static bool divide(const struct users *users, struct unit_move *move)
{
    bool any = false;
    for (uint32_t i = 0; i < UNIT_PAGES && !move->unit->dealt; i++) {
        move->targets[i] = target_of(&move->unit->pages[i], users, move->start / PAGE_BYTES + i);
        any = any || move->targets[i] != UNITS_NOWHERE;
    }
    return any;
}

enum sharing { SHARING_UNKNOWN, SHARING_PAGES, SHARING_ALL };

/*
 * Do several nodes use the same pages, or do neighbours have different users? Of three looks at a page that two threads
 * share, none shows a third node; where four nodes use all of it, every third page shows three.
 */
static enum sharing sharing_of(const struct block *block)
{
    if (block->wide * 8 >= block->thrice && block->wide)
        return SHARING_ALL;
    return block->thrice < KNOWN_PAGES ? SHARING_UNKNOWN : SHARING_PAGES;
}

static bool decide(struct unit_move *move)
{
    const struct tally count = tally(move->unit);
    struct users users;
    aim_all(move, UNITS_NOWHERE);
    if (count.votes >= UNIT_VOTES && count.others * 5 <= count.votes)
        return decide_whole(&count, move);
    if (count.votes < UNIT_DEAL_VOTES)
        return false;
    find_users(move->block, &users);
    switch (sharing_of(move->block)) {
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

/* --- age --- */

static void age_block(struct block *block)
{
    block->votes = 0;
    block->thrice /= 2;
    block->wide /= 2;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        block->by_node[i] /= 2;
    for (uint32_t i = 0; i < BLOCK_UNITS; i++) {
        uint32_t left = 0;
        for (uint32_t j = 0; j < UNIT_PAGES; j++) {
            struct page_use *page = &block->units[i].pages[j];
            page->votes /= 2;
            page->others /= 2;
            page->users = page->votes ? user_bit(page->node) : 0;
            left += page->votes;
        }
        block->votes += left;
        if (!left)
            block->units[i].seen_ms = 0;
    }
}

void units_age(struct units *units)
{
    for (uint32_t i = 0; i < UNITS_BLOCKS; i++)
        if (units->blocks[i].start)
            age_block(&units->blocks[i]);
}
