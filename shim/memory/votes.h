/*
 * votes: what sampled accesses say about pages, and about units and blocks of them (units.h). Pure: no system call, no clock,
 * no global state. One thread at a time.
 */
#ifndef NODEWISE_SHIM_MEMORY_VOTES_H
#define NODEWISE_SHIM_MEMORY_VOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT_SIZE     ((size_t)64 << 10)
#define UNIT_PAGES    16u /* of 4 KiB; a kernel with larger ones has fewer, see struct units */
#define BLOCK_UNITS   32u
#define BLOCK_SIZE    (UNIT_SIZE * BLOCK_UNITS)
#define UNITS_NODES   64u /* votes of nodes with higher numbers are not counted */
#define UNITS_NOWHERE UINT8_MAX

#define PAGE_DEAL_VOTES 4u  /* of a page, before it is shared */
#define KNOWN_PAGES     8u  /* that were seen three times, before it is said who shares what in a block */
#define ONE_VOTES       12u /* of a block, before it is one node's */

/* What the votes on a block say, or on several. */
struct evidence {
    uint32_t votes;  /* recent ones */
    uint16_t pairs;  /* those that were not the first of their unit, */
    uint16_t differ; /* and not of the node of the one before */
    uint16_t thrice; /* pages that were seen three times, */
    uint16_t mixed;  /* those of them that were seen from two nodes, */
    uint16_t wide;   /* and from three */
    uint16_t by_node[UNITS_NODES];
};

struct page_use {
    uint8_t node; /* with most votes, as far as that is known */
    uint8_t votes, others;
    uint8_t target; /* that it was moved to; UNITS_NOWHERE: none */
    uint8_t moves;  /* apart from those of its whole unit */
    uint16_t users; /* a bit for each node, modulo 16 */
};

struct unit {
    uint32_t seen_ms;     /* its first vote, */
    uint32_t rests_until; /* and when it may move, in ms */
    uint8_t moves, delays;
    uint8_t target; /* that it was moved to as a whole; UNITS_NOWHERE: none */
    bool dealt;     /* several nodes use all of it, and it was some node's turn */
    uint8_t last;   /* 1 + the node of the last vote */
    struct page_use pages[UNIT_PAGES];
};

struct block {
    uintptr_t start; /* 0: none */
    struct evidence seen;
    uint32_t fresh;    /* units that have votes since the last decision, a bit each */
    uint8_t asked;     /* how often it was asked where its pages are, */
    uint8_t rests;     /* and for how many calls of units_age() it will not be */
    bool spread;       /* all of it is to be dealt out: to each unit's turn or, */
    bool as_one;       /* because it is a part of something large, to the block's */
    uint16_t asked_at; /* votes at the last look at its neighbours */
    uint64_t
        alike; /* nodes whose threads use it, as far as its neighbours tell, and alike; 0: its own votes say more */
    struct unit units[BLOCK_UNITS];
};

/* The nodes whose threads use a block, but for those that were hardly seen there. */
struct users {
    uint32_t count, votes;
    uint8_t nodes[UNITS_NODES];
    uint16_t of[UNITS_NODES]; /* votes of each */
};

/* Votes on the pages of a unit: all of them, and how many are not for `node`, which has most. */
struct tally {
    uint32_t votes, others;
    uint8_t node;
};

enum page_sort {
    SORT_UNKNOWN, /* hardly seen */
    SORT_SINGLE,  /* one node uses it */
    SORT_SHARED,
};

enum shared_part { SHARING_UNKNOWN, SHARING_PAGES, SHARING_ALL };

static inline uint32_t votes_of(const struct page_use *page)
{
    return (uint32_t)page->votes + page->others;
}

static inline uint16_t user_bit(uint8_t node)
{
    return (uint16_t)(1u << node % 16);
}

/* A thread on the node works at a page of a unit of the block. */
void votes_count(struct block *block, struct unit *unit, struct page_use *page, uint8_t node);
/* They count half of what they did. */
void votes_age(struct block *block);

struct tally tally(const struct unit *unit);
enum page_sort sort_of(const struct page_use *page);

/* Several nodes use most of the units that were seen more than once; at least so many were. */
bool is_mixed(const struct block *block, uint32_t least);
/* Nearly all votes on the block are for the node. */
bool is_of_one(const struct evidence *seen, uint8_t node);

void evidence_add(struct evidence *to, const struct evidence *from);
void find_users(const struct evidence *seen, struct users *ret);
/*
 * Do several nodes use the same pages, or do neighbours have different users? Of three looks at a page that two threads
 * share, none shows a third node; where four nodes use all of it, every third page shows three. Where two nodes use all of
 * it, three looks in four show both.
 */
enum shared_part sharing_of(const struct evidence *seen, const struct users *users);
/* Do they use it alike? So few votes differ by chance: a count of n by three times its root. */
bool are_even(const struct users *users);
/*
 * How much more often an access is local where all of it is on the node that uses it most than where each node has as much
 * of it as it uses: little, if these use it alike. In percent of the votes.
 */
uint32_t loss_by_dealing(const struct users *users);

#endif
