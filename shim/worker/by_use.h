/*
 * by_use: moves memory of any kind to the nodes whose threads use it, as memory/units.h concludes: blocks that are
 * settled (arena/away.h), static data, mappings, files. Large objects and mappings that next touch knows as pieces
 * (memory/usage.h) are its matter, but for those parts of which several nodes use each a page or all of them.
 *
 * Only the worker calls these functions.
 */
#ifndef NODEWISE_SHIM_WORKER_BY_USE_H
#define NODEWISE_SHIM_WORKER_BY_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/away.h"
#include "shim/memory/mover.h"
#include "shim/memory/units.h"
#include "shim/memory/usage.h"

#define BY_USE_BATCH (MOVER_BATCH / UNIT_PAGES)

struct by_use {
    struct mover *mover;
    struct usage *usage;
    struct units units;
    struct unit_move moves[BY_USE_BATCH];
    struct away aways[BY_USE_BATCH]; /* page NULL: none */
    uint32_t count;
    struct {
        void *pages[UNIT_PAGES * BLOCK_UNITS];
        int nodes[UNIT_PAGES * BLOCK_UNITS];
    } asked;         /* about a whole block */
    uint32_t now_ms; /* of this tick; never 0 */
};

/* The memory at `self` must be zeroed. */
void by_use_begin(struct by_use *self, struct mover *mover, struct usage *usage);
/* Begins a tick: reads the clock. */
void by_use_tick(struct by_use *self);
/* A thread on the node works at the address. */
void by_use_vote(struct by_use *self, uintptr_t address, uint16_t node);
/* May memory of that rule follow its users (memory.next_touch)? rule: as in struct big, PLAN_NONE of none. */
bool by_use_is_wanted(uint32_t rule);
/* Moves one batch of what the votes demand. Returns whether there was any. */
bool by_use_move(struct by_use *self);

#endif
