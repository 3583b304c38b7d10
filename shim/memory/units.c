#include "shim/memory/units.h"

#include <string.h>

#define BLOCK_SIZE      (UNIT_SIZE * BLOCK_UNITS)
#define LEAST_PAGE      (UNIT_SIZE / UNIT_PAGES)
#define WAYS            8u  /* blocks that are looked at for an address; the least used of them makes room */
#define DELAY_MS        50u /* the first; each further one is twice as long */
#define DELAYS          6u
#define MOST_VOTES      200u /* of a page; then they are halved */
#define PAGE_DEAL_VOTES 4u   /* before a page goes to one of its users */
#define MIXED_SOME      4u   /* units of a block that were seen twice: to doubt, */
#define MIXED_MANY      8u   /* and to conclude */
#define MOST_LOSS       10u  /* percent of accesses that may become remote when a block is dealt out */
#define ASKED_MOST      6u /* a block is asked about half as often each time, and after so many times no more seldom */
#define KNOWN_PAGES     8u /* that were seen three times, before it is said who shares what in a block */

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
    struct page_use *page = &unit->pages[address / LEAST_PAGE % UNIT_PAGES >> units->larger];
    count_vote(page, (uint8_t)node);
    if (votes_of(page) == 3) {
        block->thrice++;
        block->mixed = (uint16_t)(block->mixed + (page->others > 0));
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

/* Do they use the block alike? So few votes differ by chance: a count of n by three times its root. */
static bool are_even(const struct block *block, const struct users *users)
{
    uint64_t even = users->count ? users->votes / users->count : 0, most = 0;
    for (uint32_t i = 0; i < users->count; i++) {
        uint64_t count = block->by_node[users->nodes[i]];
        most = count > most ? count : most;
    }
    return most <= even + 1 || (most - even - 1) * (most - even - 1) <= 9 * even;
}

/* Whose turn it is: each node's as often as its threads use the block. */
static uint8_t whose_turn(const struct block *block, const struct users *users, uintptr_t number)
{
    if (are_even(block, users))
        return users->nodes[turn(number, users->count)];
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
    move->as_one = move->block->as_one;
    aim_all(move, whose_turn(move->block, users, move->start / (move->as_one ? BLOCK_SIZE : UNIT_SIZE)));
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
    if (move->unit->dealt && move->block->thrice < 2 * KNOWN_PAGES)
        return false;
    for (uint32_t i = 0; i < UNIT_PAGES; i++) {
        move->targets[i] = target_of(&move->unit->pages[i], move->unit->dealt, users, move->start / LEAST_PAGE + i);
        any = any || move->targets[i] != UNITS_NOWHERE;
    }
    return any;
}

enum sharing { SHARING_UNKNOWN, SHARING_PAGES, SHARING_ALL };

/*
 * Do several nodes use the same pages, or do neighbours have different users? Of three looks at a page that two threads
 * share, none shows a third node; where four nodes use all of it, every third page shows three. Where two nodes use all of
 * it, three looks in four show both.
 */
static enum sharing sharing_of(const struct block *block, const struct users *users)
{
    bool all = users->count > 2 ? block->wide * 8 >= block->thrice && block->wide
                                : block->mixed * 5 >= block->thrice * 3 && block->mixed;
    if (all)
        return SHARING_ALL;
    return block->thrice < KNOWN_PAGES ? SHARING_UNKNOWN : SHARING_PAGES;
}

/* Several nodes use most of the units that were seen more than once. */
static bool is_mixed(const struct block *block, uint32_t least)
{
    uint32_t seen = 0, mixed = 0;
    for (uint32_t i = 0; i < BLOCK_UNITS; i++) {
        const struct tally count = tally(&block->units[i]);
        seen += count.votes > 1;
        mixed += count.votes > 1 && count.others * 5 > count.votes;
    }
    return seen >= least && mixed * 2 > seen;
}

/* Where threads of several nodes come by, a few looks of one node are chance. */
static uint32_t votes_for_one(const struct block *block)
{
    return block->spread || is_mixed(block, MIXED_SOME) ? 2 * UNIT_VOTES : UNIT_VOTES;
}

static bool decide(struct unit_move *move)
{
    const struct tally count = tally(move->unit);
    struct users users;
    aim_all(move, UNITS_NOWHERE);
    /* most units have a vote or two: what looks at the whole block comes last */
    if (count.votes >= UNIT_VOTES && count.others * 5 <= count.votes && count.votes >= votes_for_one(move->block))
        return decide_whole(&count, move);
    if (!move->block->spread && count.votes < UNIT_DEAL_VOTES)
        return false;
    find_users(move->block, &users);
    if (move->block->spread && deal_out(&users, move))
        return true;
    if (count.votes < UNIT_DEAL_VOTES)
        return false;
    switch (sharing_of(move->block, &users)) {
    case SHARING_ALL:
        return deal_out(&users, move);
    case SHARING_PAGES:
        return divide(&users, move);
    default:
        return false;
    }
}

/* --- whole blocks --- */

/*
 * How much more often an access is local where all of a block is on the node that uses it most than where each node has as
 * much of it as it uses: little, if these use it alike. In percent of the votes.
 */
static uint32_t loss_by_dealing(const struct block *block, const struct users *users)
{
    uint64_t most = 0, squares = 0, votes = users->votes;
    for (uint32_t i = 0; i < users->count; i++) {
        uint64_t count = block->by_node[users->nodes[i]];
        most = count > most ? count : most;
        squares += count * count;
    }
    return votes ? (uint32_t)(100 * (most * votes - squares) / (votes * votes)) : 100;
}

static bool asks(const struct block *block)
{
    struct users users;
    if (block->spread || block->rests || block->votes < BLOCK_VOTES || !is_mixed(block, MIXED_MANY))
        return false;
    find_users(block, &users);
    return users.count > 1 && sharing_of(block, &users) != SHARING_PAGES && loss_by_dealing(block, &users) <= MOST_LOSS;
}

static const struct block *known_block(const struct units *units, uintptr_t start)
{
    uint32_t first = first_way(start);
    for (uint32_t i = 0; i < WAYS; i++)
        if (units->blocks[(first + i) & (UNITS_BLOCKS - 1)].start == start)
            return &units->blocks[(first + i) & (UNITS_BLOCKS - 1)];
    return NULL;
}

/* Is it amid other memory that is in use? */
static bool is_part_of_more(const struct units *units, const struct block *block)
{
    uint32_t count = 0;
    for (uintptr_t i = 1; i <= BLOCK_BESIDE; i++) {
        const struct block *above = known_block(units, block->start + i * BLOCK_SIZE);
        const struct block *below = known_block(units, block->start - i * BLOCK_SIZE);
        count += (above && above->votes > 1) + (below && below->votes > 1);
    }
    return count >= BLOCK_BESIDE;
}

static bool ask(const struct units *units, struct block *block, struct unit_move *ret_move)
{
    if (!asks(block))
        return false;
    *ret_move = (struct unit_move){.block = block, .unit = block->units, .start = block->start, .asks = true};
    aim_all(ret_move, UNITS_NOWHERE);
    block->as_one = is_part_of_more(units, block);
    block->rests = (uint8_t)(1u << (block->asked < ASKED_MOST ? block->asked++ : ASKED_MOST));
    return true;
}

void units_answer(const struct unit_move *move, uint32_t present, uint32_t most)
{
    struct users users;
    find_users(move->block, &users);
    /* halfway between evenly spread and all on one node */
    if (!present || most * 2 * users.count < present * (users.count + 1))
        return;
    move->block->spread = true;
    move->block->fresh = UINT32_MAX;
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
            if (ask(units, block, ret_move) || next_in(block, now_ms, ret_move))
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
    if (block->rests)
        block->rests--;
    block->thrice /= 2;
    block->mixed /= 2;
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
