#include "shim/memory/blocks.h"

#include <string.h>

#define MIXED_MANY   8u  /* units of a block that were seen twice, to conclude that it is mixed */
#define MOST_LOSS    10u /* percent of accesses that may become remote when a block is dealt out */
#define ASKED_MOST   6u  /* a block is asked about half as often each time, and after so many times no more seldom */
#define AROUND       8u  /* blocks on either side of a block are its neighbours */
#define BLOCK_BESIDE 8u  /* of them in use, so that it goes to one node as a whole: huge pages stay so */
#define FEW_VOTES    6u  /* of a block, before its neighbours speak for it, */
#define FEW_MORE     3u  /* and before they are asked again; */
#define FEW_PAIRS    12u /* so many of theirs are pairs */
#define PAIRS_DIFFER 3u  /* one in so many of which is of two nodes where these use the same memory */

void block_users(const struct block *block, struct users *ret)
{
    if (!block->alike) {
        find_users(&block->seen, ret);
        return;
    }
    ret->count = 0;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        if (block->alike >> i & 1) {
            ret->of[ret->count] = 1;
            ret->nodes[ret->count++] = (uint8_t)i;
        }
    ret->votes = ret->count;
}

/* Blocks on either side in which threads were seen. */
struct neighbours {
    uint32_t count;
    const struct block *blocks[2 * AROUND];
};

static void add_known(const struct units *units, uintptr_t start, struct neighbours *to)
{
    const struct block *block = units_known(units, start);
    if (block)
        to->blocks[to->count++] = block;
}

static void find_neighbours(const struct units *units, const struct block *block, struct neighbours *ret)
{
    ret->count = 0;
    for (uintptr_t i = 1; i <= AROUND; i++) {
        add_known(units, block->start + i * BLOCK_SIZE, ret);
        add_known(units, block->start - i * BLOCK_SIZE, ret);
    }
}

/* --- on its own votes --- */

static bool is_shared(const struct evidence *seen, const struct users *users)
{
    return users->count > 1 && sharing_of(seen, users) != SHARING_PAGES && loss_by_dealing(users) <= MOST_LOSS;
}

static bool speaks_itself(const struct block *block)
{
    struct users users;
    if (block->seen.votes < BLOCK_VOTES || !is_mixed(block, MIXED_MANY))
        return false;
    find_users(&block->seen, &users);
    return is_shared(&block->seen, &users);
}

/* --- on those of its neighbours --- */

static uint32_t nodes_of(const struct evidence *seen)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < UNITS_NODES; i++)
        count += seen->by_node[i] > 0;
    return count;
}

static bool differs(const struct evidence *seen)
{
    return seen->differ * PAIRS_DIFFER >= seen->pairs;
}

/*
 * In a large table no block has many votes for long, and all look alike. A block whose own few votes contradict nothing is
 * dealt out as its neighbours are, if these are used alike by all.
 */
static bool neighbours_speak(const struct units *units, struct block *block)
{
    struct evidence all = block->seen;
    struct neighbours around;
    struct users users;
    if (all.votes < FEW_VOTES || all.votes < block->asked_at + FEW_MORE || !differs(&all))
        return false;
    block->asked_at = (uint16_t)(all.votes < UINT16_MAX ? all.votes : UINT16_MAX);
    find_neighbours(units, block, &around);
    for (uint32_t i = 0; i < around.count; i++)
        evidence_add(&all, &around.blocks[i]->seen);
    if (all.votes < BLOCK_VOTES || all.pairs < FEW_PAIRS || !differs(&all))
        return false;
    find_users(&all, &users);
    if (nodes_of(&block->seen) < (users.count > 2 ? 3 : 2) || !are_even(&users) || !is_shared(&all, &users))
        return false;
    for (uint32_t i = 0; i < users.count; i++)
        block->alike |= UINT64_C(1) << users.nodes[i];
    return true;
}

/* --- to ask --- */

/* Is it amid other memory that is in use? */
static bool is_part_of_more(const struct units *units, const struct block *block)
{
    struct neighbours around;
    uint32_t count = 0;
    find_neighbours(units, block, &around);
    for (uint32_t i = 0; i < around.count; i++)
        count += around.blocks[i]->seen.votes > 1;
    return count >= BLOCK_BESIDE;
}

bool block_asks(const struct units *units, struct block *block)
{
    if (block->spread || block->rests)
        return false;
    if (!speaks_itself(block) && !neighbours_speak(units, block))
        return false;
    block->as_one = is_part_of_more(units, block);
    block->rests = (uint8_t)(1u << (block->asked < ASKED_MOST ? block->asked++ : ASKED_MOST));
    return true;
}

void units_answer(const struct unit_move *move, uint32_t present, uint32_t most)
{
    struct users users;
    block_users(move->block, &users);
    /* halfway between evenly spread and all on one node */
    if (!present || most * 2 * users.count < present * (users.count + 1)) {
        move->block->alike = 0;
        return;
    }
    move->block->spread = true;
    move->block->fresh = UINT32_MAX;
}
