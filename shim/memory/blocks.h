/*
 * blocks: when all of a block of 2 MiB is dealt out to the nodes whose threads use it, long before each of its units was seen
 * several times. For units.c alone.
 */
#ifndef NODEWISE_SHIM_MEMORY_BLOCKS_H
#define NODEWISE_SHIM_MEMORY_BLOCKS_H

#include "shim/memory/units.h"

/* The nodes whose threads use it. */
void block_users(const struct block *block, struct users *ret);
/* Several nodes use all of it: it depends on where its pages are. Not again for some time. */
bool block_asks(const struct units *units, struct block *block);

#endif
