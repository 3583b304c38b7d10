#include "shim/memory/votes.h"

#define MOST_VOTES 200u /* of a page; then they are halved */
#define ONE_OTHERS 16u  /* of how many votes one may be for another node than the block's one */

/* --- pages and units --- */

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

void votes_count(struct block *block, struct unit *unit, struct page_use *page, uint8_t node)
{
    struct evidence *seen = &block->seen;
    count_vote(page, node);
    if (votes_of(page) == 3) {
        seen->thrice++;
        seen->mixed = (uint16_t)(seen->mixed + (page->others > 0));
        seen->wide = (uint16_t)(seen->wide + (__builtin_popcount(page->users) == 3));
    }
    if (unit->last && seen->pairs < UINT16_MAX) {
        seen->pairs++;
        seen->differ = (uint16_t)(seen->differ + (unit->last != node + 1));
    }
    unit->last = (uint8_t)(node + 1);
    if (seen->by_node[node] < UINT16_MAX)
        seen->by_node[node]++;
    seen->votes++;
}

enum page_sort sort_of(const struct page_use *page)
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

struct tally tally(const struct unit *unit)
{
    struct tally tally = {.node = first_node(unit)};
    for (uint32_t i = 0; i < UNIT_PAGES; i++) {
        const struct page_use *page = &unit->pages[i];
        tally.votes += votes_of(page);
        tally.others += page->node == tally.node ? page->others : votes_of(page);
    }
    return tally;
}

/* --- blocks --- */

bool is_mixed(const struct block *block, uint32_t least)
{
    uint32_t seen = 0, mixed = 0;
    for (uint32_t i = 0; i < BLOCK_UNITS; i++) {
        const struct tally count = tally(&block->units[i]);
        seen += count.votes > 1;
        mixed += count.votes > 1 && count.others * 5 > count.votes;
    }
    return seen >= least && mixed * 2 > seen;
}

bool is_of_one(const struct evidence *seen, uint8_t node)
{
    uint32_t votes = 0;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        votes += seen->by_node[i];
    return votes >= ONE_VOTES && (votes - seen->by_node[node]) * ONE_OTHERS <= votes;
}

static uint16_t sum(uint32_t one, uint32_t another)
{
    return one + another < UINT16_MAX ? (uint16_t)(one + another) : UINT16_MAX;
}

void evidence_add(struct evidence *to, const struct evidence *from)
{
    to->votes += from->votes;
    to->pairs = sum(to->pairs, from->pairs);
    to->differ = sum(to->differ, from->differ);
    to->thrice = sum(to->thrice, from->thrice);
    to->mixed = sum(to->mixed, from->mixed);
    to->wide = sum(to->wide, from->wide);
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        to->by_node[i] = sum(to->by_node[i], from->by_node[i]);
}

void find_users(const struct evidence *seen, struct users *ret)
{
    uint32_t most = 0;
    ret->count = ret->votes = 0;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        most = seen->by_node[i] > most ? seen->by_node[i] : most;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        if (seen->by_node[i] && seen->by_node[i] * 8u >= most) {
            ret->of[ret->count] = seen->by_node[i];
            ret->nodes[ret->count++] = (uint8_t)i;
            ret->votes += seen->by_node[i];
        }
}

enum shared_part sharing_of(const struct evidence *seen, const struct users *users)
{
    bool all = users->count > 2 ? seen->wide * 8 >= seen->thrice && seen->wide
                                : seen->mixed * 5 >= seen->thrice * 3 && seen->mixed;
    if (all)
        return SHARING_ALL;
    return seen->thrice < KNOWN_PAGES ? SHARING_UNKNOWN : SHARING_PAGES;
}

static uint64_t most_of(const struct users *users)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < users->count; i++)
        most = users->of[i] > most ? users->of[i] : most;
    return most;
}

bool are_even(const struct users *users)
{
    uint64_t even = users->count ? users->votes / users->count : 0, most = most_of(users);
    return most <= even + 1 || (most - even - 1) * (most - even - 1) <= 9 * even;
}

uint32_t loss_by_dealing(const struct users *users)
{
    uint64_t most = most_of(users), squares = 0, votes = users->votes;
    for (uint32_t i = 0; i < users->count; i++)
        squares += (uint64_t)users->of[i] * users->of[i];
    return votes ? (uint32_t)(100 * (most * votes - squares) / (votes * votes)) : 100;
}

/* --- age --- */

static void halve(struct evidence *seen)
{
    seen->pairs /= 2;
    seen->differ /= 2;
    seen->thrice /= 2;
    seen->mixed /= 2;
    seen->wide /= 2;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        seen->by_node[i] /= 2;
}

void votes_age(struct block *block)
{
    halve(&block->seen);
    block->seen.votes = 0;
    block->asked_at = 0;
    if (block->rests)
        block->rests--;
    for (uint32_t i = 0; i < BLOCK_UNITS; i++) {
        uint32_t left = 0;
        for (uint32_t j = 0; j < UNIT_PAGES; j++) {
            struct page_use *page = &block->units[i].pages[j];
            page->votes /= 2;
            page->others /= 2;
            page->users = page->votes ? user_bit(page->node) : 0;
            left += page->votes;
        }
        block->seen.votes += left;
        if (!left) {
            block->units[i].seen_ms = 0;
            block->units[i].last = 0;
        }
    }
}
