/*
 * usage: which node's threads use which part of a piece of memory, and what should therefore move. Pure: no system
 * call, no clock, no global state.
 *
 * A piece is divided into chunks. A vote says that a thread of some node walked in a chunk. Threads walk upwards, so a
 * chunk without votes is taken to belong to the thread that was seen last below it: a program that cuts an array into
 * slices is understood from one look at each thread, and the memory moves before the thread gets there. Votes for
 * several nodes in one chunk say that it is shared: it stays. A chunk moves a few times at most, so nothing is ever
 * thrown to and fro; guesses do not use up the moves for what was seen.
 */
#ifndef NODEWISE_SHIM_MEMORY_USAGE_H
#define NODEWISE_SHIM_MEMORY_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USAGE_PIECES      64u
#define USAGE_CHUNKS      256u
#define USAGE_CHUNK_LEAST ((size_t)64 << 10)
#define USAGE_MOVES       3u /* of a chunk, for votes of its own */
#define USAGE_GUESSES     2u /* and after others' votes, before it has any */
#define USAGE_NOWHERE     UINT16_MAX

struct chunk {
    uint16_t node, at; /* voted for most; where the chunk is */
    uint16_t votes, others;
    uint16_t target, distance; /* of the last decision; chunks from the vote that it comes from */
    uint8_t moves, guesses;
    uint32_t rests_until; /* ticks of the piece */
    size_t stayed;        /* bytes that did not come along the last time */
};

struct piece {
    uintptr_t start, origin; /* of the first chunk, at or before the start: chunks begin at multiples of their unit */
    size_t size, chunk_size;
    uint32_t serial; /* of the memory's owner: the same place may be another piece later */
    uint32_t chunk_count, votes, moves;
    uint32_t ticks; /* since the first vote */
    uint16_t home;  /* node where it was made */
    bool fresh;     /* voted since the last decision */
    bool kept;      /* see usage_keep() */
    struct chunk chunks[USAGE_CHUNKS];
};

struct usage {
    uint32_t count;
    uint16_t order[USAGE_PIECES]; /* ascending by start */
    bool used[USAGE_PIECES];
    struct piece pieces[USAGE_PIECES];
};

/* Bringing the pieces up to date: begin, keep each that exists, end. What was not kept is forgotten. */
void usage_begin(struct usage *usage);
/*
 * unit: what moves as a whole, USAGE_CHUNK_LEAST or the size of a huge page. NULL: the table is full. A known piece
 * keeps its votes.
 */
struct piece *usage_keep(struct usage *usage, uintptr_t start, size_t size, size_t unit, uint32_t serial,
                         uint16_t home);
/* Is it among the pieces already? */
bool usage_knows(struct usage *usage, uintptr_t start, uint32_t serial);
void usage_end(struct usage *usage);

/* A thread that runs on the node walked here. NULL: in no piece. A pointer to a piece's very start says nothing. */
const struct piece *usage_vote(struct usage *usage, uintptr_t pointer, uint16_t node);

/* Time passes: a piece is decided about from its second tick with votes on, when all threads had their turn. */
void usage_tick(struct usage *usage);

/* The chunk that should move next, nearest to a vote first; NULL: all is where it should be. */
struct chunk *usage_next(struct usage *usage, struct piece **ret_piece);
/* It moved, or was found to be there. */
void usage_moved(struct piece *piece, struct chunk *chunk);
/* It is not there any more, and the next list is without it. */
void usage_gone(struct chunk *chunk);
/*
 * After usage_moved(): so many bytes of it were busy and stayed. It is due again after a while, each time a longer one,
 * as long as it may move at all.
 */
void usage_stayed(struct piece *piece, struct chunk *chunk, size_t bytes);

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
