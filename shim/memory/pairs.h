/*
 * pairs: how much memory threads use in common, two by two. Fed with what is seen of their accesses, and with blocks that
 * one thread made and another freed; policy/grouping.h decides from the weights who belongs together. Pure: no system
 * call, no clock, no global state. One thread at a time.
 *
 * Memory is looked at in pages and in lines. A unit remembers the threads that were seen in it last. When it changes
 * hands, the one that came and those that were there have something in common: PAIRS_ONE if they are two, and with more
 * users less for each pair and less in all, because what all threads use says nothing about any two. A thread that has a
 * unit to itself adds nothing, however often it is seen there.
 *
 * The evidence is kept in two rounds, each counted by itself: chance does not say the same thing twice.
 */
#ifndef NODEWISE_SHIM_MEMORY_PAIRS_H
#define NODEWISE_SHIM_MEMORY_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAIRS_THREADS 128u              /* further threads are not looked at */
#define PAIRS_UNITS   4096u             /* a power of two */
#define PAIRS_USERS   8u                /* of a unit that are remembered; more make it say less */
#define PAIRS_PAGE    ((uintptr_t)4096) /* whatever the kernel's have */
#define PAIRS_LINE    ((uintptr_t)128)
#define PAIRS_OBJECT  ((uintptr_t)256) /* of words that threads wait for: two within half of it are one object's */
#define PAIRS_WINDOW  500u             /* ms after which a unit may be other memory, and its users are forgotten */
#define PAIRS_ONE     240u             /* weight of one change of hands between two */
#define PAIRS_HANDED  4u /* changes of hands that what was handed since the last look counts for at most */
#define PAIRS_NOBODY  UINT32_MAX

struct pair_unit {
    uintptr_t number; /* 0: empty */
    uint32_t seen_at; /* ms */
    uint8_t count, gone;
    uint8_t users[PAIRS_USERS]; /* numbers of threads, the last one first */
};

struct pairs {
    uint32_t tids[PAIRS_THREADS]; /* by number; 0: free */
    uint32_t count;               /* numbers below are or were in use */
    uint32_t last;                /* the thread that was found last */
    uint32_t now_ms, freed_at;    /* the caller keeps the first up to date; when numbers became free */
    bool left;                    /* some number is not in use, and not free */
    uint64_t accesses;            /* seen ever */
    uint64_t seen[2];             /* accesses in the round that is counted, and in the one before */
    uint64_t total[2];            /* of their weights, each pair once */
    uint32_t weights[2][PAIRS_THREADS][PAIRS_THREADS]; /* symmetric */
    struct pair_unit units[PAIRS_UNITS];
};

/* The thread's number, which it keeps until pairs_keep(). PAIRS_NOBODY: the table is full. */
uint32_t pairs_number(struct pairs *pairs, uint32_t tid);
/*
 * Threads are over: nothing is left of all others than these. Their numbers are free again when PAIRS_WINDOW has passed
 * since any last were.
 */
void pairs_keep(struct pairs *pairs, const bool stays[PAIRS_THREADS]);

/* The thread was seen at an address. Others than a program's are left out. */
void pairs_saw(struct pairs *pairs, uint32_t tid, uintptr_t address);
/* The thread waits for a word. The words of one object, a queue or a pool, are beside each other. */
void pairs_saw_waiting(struct pairs *pairs, uint32_t tid, uintptr_t address);
/* Between two threads so much went from hand to hand: blocks that one made and the other freed, messages. */
void pairs_handed(struct pairs *pairs, uint32_t one_tid, uint32_t other_tid, uint64_t number);

/* The round that is counted becomes the one before, and a new one begins. */
void pairs_next_round(struct pairs *pairs);
/* Both rounds begin anew, because threads have changed places. */
void pairs_begin_again(struct pairs *pairs);

#endif
