/*
 * units: which nodes' threads use which memory, of any kind, and where it should therefore be. Pure: no system call, no
 * clock, no global state. One thread at a time.
 *
 * A unit is 64 KiB of addresses, whatever lies there: small blocks, static data, mappings of any kind. Nothing is listed:
 * a sampled address brings its unit into the table, 32 of them in a block of 2 MiB, and blocks that are not seen any more
 * make room. Each page of a unit counts its votes: what one node's threads use moves there, the whole unit or each page to
 * its own users; what several nodes' threads use is dealt out to them in turn, so that no node serves more than its share.
 * What hardly anyone uses stays. A unit moves a few times only, and what was dealt out goes back to one node on strong
 * evidence alone: nothing is thrown to and fro.
 *
 * In large memory no unit is seen often. A block that several nodes use without an order is therefore dealt out as a whole
 * (blocks.h), on its own votes or, when these are few, as its neighbours are; and where all looks at a block are one node's, one
 * look at a unit is enough.
 */
#ifndef NODEWISE_SHIM_MEMORY_UNITS_H
#define NODEWISE_SHIM_MEMORY_UNITS_H

#include "shim/memory/votes.h"

#define UNITS_BLOCKS 1024u /* they cover 2 GiB of memory in use */

#define UNIT_VOTES      3u  /* before a unit moves to one node */
#define UNIT_DEAL_VOTES 12u /* before it is dealt out on its own: it has to be worth it */
#define BLOCK_VOTES     32u /* before it is asked where the pages of a block are, to deal all of it out */
#define UNIT_SURE_VOTES 32u /* before a unit that was dealt out goes back to one node */
#define UNIT_AHEAD      8u  /* neighbours that may go along: those above it, since threads walk upwards, */
#define UNIT_BEHIND     2u  /* and below */
#define UNIT_MOVES      3u  /* of a whole unit; of each page of a divided one, too */

struct units {
    uint32_t votes, aged_ms; /* since it was aged, and when that was */
    uint8_t larger;          /* the kernel's pages have 4 KiB << larger, 64 KiB at most; before the first vote */
    uint64_t fresh[UNITS_BLOCKS / 64]; /* blocks with units that are fresh */
    struct block blocks[UNITS_BLOCKS];
};

/* What should happen to a unit. */
struct unit_move {
    struct block *block;
    struct unit *unit;
    uintptr_t start;
    uint8_t targets[UNIT_PAGES]; /* UNITS_NOWHERE: the page stays */
    uint8_t before, after;       /* so many neighbours in which no thread was seen yet may go along, if `whole` */
    bool whole;                  /* all pages go to one node, whose threads use them */
    bool dealt;                  /* all pages go to the node whose turn it is, */
    bool as_one;                 /* which is the same for the whole block */
    bool asks;                   /* nothing moves: where are the pages of the block? */
};

/*
 * A thread on the node works at the address. `node` below UNITS_NODES; else it is not counted. now_ms: any clock's, not 0.
 */
void units_vote(struct units *units, uintptr_t address, uint32_t node, uint32_t now_ms);

/*
 * The next unit that should move. Call it until it returns false, and tell each time what became of the unit, with one of
 * the functions below; with units_answer() if it `asks`.
 */
bool units_next(struct units *units, uint32_t now_ms, struct unit_move *ret_move);
/* It is as it should be, and the neighbours that `move` still names. moved: some of it had to move for that. */
void units_done(const struct unit_move *move, bool moved);
/* Not now: it is looked at again after some time, which grows with each delay. */
void units_delay(const struct unit_move *move, uint32_t now_ms);
/* It is looked at again when it has new votes. */
void units_leave(const struct unit_move *move);
/* It cannot move. */
void units_refuse(const struct unit_move *move);

/* So many pages of the block are present, and so many of them are on the node that has most of them. */
void units_answer(const struct unit_move *move, uint32_t present, uint32_t most);

/* Somebody else has moved what is in [start, start + size): where it was moved to counts no more, what was seen does. */
void units_forget(struct units *units, uintptr_t start, size_t size);

/* The block that starts at the address. NULL: no thread was seen there. */
const struct block *units_known(const struct units *units, uintptr_t start);

/* Is it time for units_age()? Votes are worth less when there are newer ones, not when there are none. */
bool units_are_old(const struct units *units, uint32_t now_ms);
/* Old votes count less: half of what they did. Blocks without any make room. */
void units_age(struct units *units, uint32_t now_ms);

#endif
