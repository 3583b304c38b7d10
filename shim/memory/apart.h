/*
 * apart: pages that were moved to different nodes stay apart. Where the kernel makes huge pages by itself, khugepaged
 * merges the pages in the range of one some seconds later, whatever nodes they are on, and most of them are then on the
 * wrong node for good. A range in which a move has left a good part of the pages on other nodes than most is therefore
 * excepted from it (MADV_NOHUGEPAGE). A range that went to one node as a whole still gets its huge page.
 *
 * That is known when the moves in a range have ended. khugepaged may have been quicker: what it has merged meanwhile is
 * excepted, too, and said to be undone, so that it moves again.
 *
 * For the thread of a mover. Memory for which the policy asks for huge pages keeps its word.
 */
#ifndef NODEWISE_SHIM_MEMORY_APART_H
#define NODEWISE_SHIM_MEMORY_APART_H

#include <stdbool.h>
#include <stdint.h>

#define APART_RANGES 128u /* that wait; further ones are looked at before their time */
#define APART_BATCH  8u   /* ranges that one look is about: 512 pages each */
#define APART_PAGES  512u /* of a range that the kernel is asked for; of larger ranges, so many of all parts */
#define APART_PART   8u   /* one part in so many on other nodes is worth more than a huge page */
#define APART_PROOFS 8u   /* pages of a range whose way is remembered */
#define APART_UNDONE 16u  /* ranges that wait for apart_undone(); the oldest one makes room */

struct apart_proof {
    uint16_t page, node; /* a page of the range, and where it went last */
};

struct apart_range {
    uintptr_t start; /* 0: none */
    uint64_t due;    /* monotonic ns */
    uint32_t moved;  /* pages, all in all, */
    uint32_t others; /* and those of them that did not go where the first one did, */
    uint16_t first;  /* this node */
    bool excepted;
    uint8_t proof_count, next_proof;
    struct apart_proof proofs[APART_PROOFS];
};

/* Zeroed at first. */
struct apart {
    struct apart_range ranges[APART_RANGES];
    uint32_t count;
    uintptr_t undone[APART_UNDONE];
    uint32_t undone_count;
    void *pages[APART_PAGES];
    int nodes[APART_PAGES];
};

/* A page there was moved to the node. errno kept. */
void apart_note(struct apart *apart, uintptr_t address, uint32_t node);
/* ns until a range is due: when the moves in it had a while to end. UINT64_MAX: there is none. */
uint64_t apart_wait(const struct apart *apart);
/* Looks at some of the ranges that are due. errno kept. */
void apart_look(struct apart *apart);
bool apart_has_undone(const struct apart *apart);
/* The start of a range whose pages are not where they were moved to, each once; 0: there is none. */
uintptr_t apart_undone(struct apart *apart);

#endif
