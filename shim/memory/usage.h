/*
 * usage: decides from votes which node's threads use which part of a piece of memory, and which part should therefore
 * move. Pure: no system call, no clock, no global state. One thread at a time.
 *
 * A piece is divided into chunks. A vote says that a thread on some node walked in a chunk. Threads walk upwards, so a
 * chunk without votes is attributed to the thread that was last seen below it. One sample of each thread is enough to
 * understand a program that divides an array into slices, and the memory moves before the thread arrives. Votes for
 * several nodes in one chunk mean that it is shared, and it stays. A chunk moves only a few times, so memory never goes
 * back and forth. Moves by guess do not reduce the moves that votes allow.
 */
#ifndef NODEWISE_SHIM_MEMORY_USAGE_H
#define NODEWISE_SHIM_MEMORY_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USAGE_PIECES      64u
#define USAGE_CHUNKS      256u
#define USAGE_CHUNK_LEAST ((size_t)64 << 10)
#define USAGE_MOVES       3u /* moves of a chunk because of its own votes */
#define USAGE_GUESSES     2u /* moves of a chunk because of other chunks' votes, before it has any */
#define USAGE_NOWHERE     UINT16_MAX

struct chunk {
    uint16_t node, at; /* node with most votes; node that the chunk is on */
    uint16_t votes, others;
    uint16_t target, distance; /* of the last decision: the node; chunks from the vote that led to it */
    uint8_t moves, guesses;
    bool absent;          /* when it was looked at; it does not move by guess */
    uint32_t rests_until; /* in ticks of the piece */
    size_t stayed;        /* bytes that the last move left behind */
};

struct piece {
    uintptr_t start, origin; /* origin: of the first chunk; chunks begin at multiples of their unit */
    size_t size, chunk_size;
    uint32_t serial; /* of the memory's owner: the same address may later be another piece */
    uint32_t chunk_count, votes, moves;
    uint32_t ticks;       /* since the first vote */
    uint16_t home;        /* node of the maker */
    uint16_t first_found; /* node of some chunk, before any was moved */
    bool fresh;           /* has votes since the last decision */
    bool kept;            /* see usage_keep() */
    bool spread;          /* threads of several nodes initialised it: nothing moves by guess */
    struct chunk chunks[USAGE_CHUNKS];
};

struct usage {
    uint32_t count;
    uint16_t order[USAGE_PIECES]; /* ascending by start address */
    bool used[USAGE_PIECES];
    struct piece pieces[USAGE_PIECES];
};

/*
 * Update of the pieces: usage_begin(), usage_keep() for each piece that exists, usage_end(). Other pieces are
 * forgotten.
 */
void usage_begin(struct usage *usage);
/*
 * unit: what moves as a whole, USAGE_CHUNK_LEAST or the size of a huge page. A known piece keeps its votes. NULL: the
 * table is full.
 */
struct piece *usage_keep(struct usage *usage, uintptr_t start, size_t size, size_t unit, uint32_t serial,
                         uint16_t home);
/*
 * Says where a chunk was found, USAGE_NOWHERE: no page is present. Chunks that are on several nodes before any was moved
 * were initialised by several threads, each its own part, which is then where it should be.
 */
void usage_found(struct piece *piece, struct chunk *chunk, uint16_t node);
/* Is there already a piece with this start and serial? */
bool usage_knows(struct usage *usage, uintptr_t start, uint32_t serial);
void usage_end(struct usage *usage);

/*
 * Records that a thread on the node walked at the pointer. Returns NULL when it is in no piece; a pointer to the very
 * start of a piece does not count.
 */
const struct piece *usage_vote(struct usage *usage, uintptr_t pointer, uint16_t node);

/*
 * Is the address in no piece, in a chunk that is larger than a unit of memory/units.h, or in one that several nodes use?
 * Then it may be looked at more closely.
 */
bool usage_leaves(struct usage *usage, uintptr_t pointer);

/* Ends a tick. Decisions about a piece begin at its second tick with votes, when all threads have had their turn. */
void usage_tick(struct usage *usage);

/* The chunk that should move next, the nearest to a vote first. NULL: every chunk is where it should be. */
struct chunk *usage_next(struct usage *usage, struct piece **ret_piece);
/* The chunk moved, or was found on its target. */
void usage_moved(struct piece *piece, struct chunk *chunk);
/* The chunk does not exist any more; the next update removes it. */
void usage_gone(struct chunk *chunk);
/*
 * Call it after usage_moved(): so many bytes were busy and stayed. The chunk becomes due again after a rest. Each rest
 * is longer than the last, and the limit of moves still applies.
 */
void usage_stayed(struct piece *piece, struct chunk *chunk, size_t bytes);

/* Somebody else has moved what is in [start, start + size): where its chunks are is not known. */
void usage_forget(struct usage *usage, uintptr_t start, size_t size);

static inline uintptr_t chunk_start(const struct piece *piece, const struct chunk *chunk)
{
    uintptr_t start = piece->origin + (size_t)(chunk - piece->chunks) * piece->chunk_size;
    return start < piece->start ? piece->start : start;
}

static inline size_t chunk_length(const struct piece *piece, const struct chunk *chunk)
{
    uintptr_t next = piece->origin + (size_t)(chunk - piece->chunks + 1) * piece->chunk_size;
    uintptr_t end = piece->start + piece->size;
    return (next < end ? next : end) - chunk_start(piece, chunk);
}

#endif
