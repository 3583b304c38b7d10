/*
 * apart: pages that were moved to different nodes stay apart. Where the kernel makes huge pages by itself, khugepaged
 * merges the pages in the range of one some seconds later, whatever nodes they are on, and most of them are then on the
 * wrong node for good. A range in which a move has left a good part of the pages on other nodes than most is therefore
 * excepted from it (MADV_NOHUGEPAGE). A range that went to one node as a whole still gets its huge page.
 *
 * For the thread of a mover. Memory for which the policy asks for huge pages keeps its word.
 */
#ifndef NODEWISE_SHIM_MEMORY_APART_H
#define NODEWISE_SHIM_MEMORY_APART_H

#include <stdint.h>

#define APART_RANGES 128u /* that wait; further ones are looked at before their time */
#define APART_BATCH  8u   /* ranges that one look is about: 512 pages each */
#define APART_PAGES  512u /* of a range that the kernel is asked for; of larger ranges, so many of all parts */
#define APART_PART   8u   /* one part in so many on other nodes is worth more than a huge page */

struct apart_range {
    uintptr_t start; /* 0: none */
    uint64_t due;    /* monotonic ns */
};

/* Zeroed at first. */
struct apart {
    struct apart_range ranges[APART_RANGES];
    uint32_t count;
    void *pages[APART_PAGES];
    int nodes[APART_PAGES];
};

/* A page there was moved. */
void apart_note(struct apart *apart, uintptr_t address);
/* ns until a range is due: when the moves in it had a while to end. UINT64_MAX: there is none. */
uint64_t apart_wait(const struct apart *apart);
/* Looks at some of the ranges that are due. errno kept. */
void apart_look(struct apart *apart);

#endif
