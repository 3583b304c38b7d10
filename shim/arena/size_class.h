/*
 * size_class: which block sizes the arenas have, and how many slices a page of each takes.
 *
 * 16-byte steps up to 128, then four classes per doubling up to 64 KiB: at most a quarter of a block is lost.
 * A page begins on a 64 KiB boundary and its blocks follow one another, so each block is aligned to the largest power
 * of two that divides its size, up to 64 KiB. A size that was rounded up to a multiple of an alignment falls into a
 * class that is one too (the steps between 2^k and 2^(k+1) are 2^(k-2), and a larger alignment than that leaves only
 * sizes that are classes themselves): aligned blocks need no bookkeeping.
 *
 * Pure arithmetic; sizes in bytes.
 */
#ifndef NODEWISE_SHIM_ARENA_SIZE_CLASS_H
#define NODEWISE_SHIM_ARENA_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#define SLICE_SHIFT 16u
#define SLICE_SIZE  ((size_t)1 << SLICE_SHIFT)

#define CLASS_COUNT    44u
#define CLASS_MAX_SIZE 65536u /* larger requests are spans of slices */

/* By the place of the last byte, size - 1: less than CLASS_MAX_SIZE. */
static inline size_t class_of_last(size_t last)
{
    if (last < 128)
        return last / 16;
    unsigned bit = 63u - (unsigned)__builtin_clzll(last); /* at least 7 */
    return 8 + (bit - 7) * 4 + ((last >> (bit - 2)) & 3);
}

/* size: at most CLASS_MAX_SIZE; 0 counts as 1. */
static inline unsigned class_of(size_t size)
{
    return (unsigned)class_of_last(size ? size - 1 : 0);
}

static inline uint32_t class_size(unsigned number)
{
    if (number < 8)
        return (number + 1) * 16u;
    unsigned bit = 7 + (number - 8) / 4;
    return (1u << bit) + (((number - 8) % 4 + 1) << (bit - 2));
}

/*
 * Slices of one page: at least eight blocks, so that its end wastes little and pages do not come and go with each
 * block; not more than that where blocks are large, because every heap that uses a class has a page of it.
 */
static inline uint32_t class_slices(unsigned number)
{
    uint32_t size = class_size(number);
    if (size <= 2048)
        return 1;
    return size <= 16384 ? 2 : size <= 32768 ? 4 : 8;
}

#endif
