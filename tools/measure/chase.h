/*
 * chase: how long one load takes that waits for the one before it: a walk over lines, each of which holds where the next
 * one is, in an order that no prefetcher can guess.
 */
#ifndef NODEWISE_TOOLS_MEASURE_CHASE_H
#define NODEWISE_TOOLS_MEASURE_CHASE_H

#include <stddef.h>
#include <stdint.h>

#define CHASE_LINE 64u /* bytes of a cache line */

struct chase_line {
    struct chase_line *next;
    char rest[CHASE_LINE - sizeof(void *)];
};

/* Links all lines to one cycle, random by the seed. */
void chase_link(struct chase_line *lines, size_t count, uint64_t seed);
/* Walks on from a line. Returns nanoseconds of a hop, above 0, and where it is now. */
double chase_walk(struct chase_line **at, size_t hops);

#endif
