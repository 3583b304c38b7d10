#include "shim/memory/usage.h"

#include <string.h>

/* Chunks below the lowest vote that move with it: the thread passed them before it was first sampled. */
#define LEAD_MOST    4u
#define DECIDE_TICKS 2u
#define SURE_VOTES   4u /* to move what is where its user has put it: a loop's end points into the next one's part */
#define REST_TICKS   8u /* after the first move; each further rest is four times as long */

/* --- the pieces --- */

static size_t size_of_chunks(size_t size, size_t unit)
{
    size_t each = (size + USAGE_CHUNKS - 1) / USAGE_CHUNKS;
    return (each + unit - 1) / unit * unit;
}

static void init_piece(struct piece *piece, uintptr_t start, size_t size, size_t unit, uint32_t serial, uint16_t home)
{
    size_t before = start % unit;
    memset(piece, 0, sizeof(*piece));
    piece->start = start;
    piece->size = size;
    piece->serial = serial;
    piece->home = home;
    piece->first_found = USAGE_NOWHERE;
    piece->origin = start - before;
    piece->chunk_size = size_of_chunks(size + before, unit);
    piece->chunk_count = (uint32_t)((size + before + piece->chunk_size - 1) / piece->chunk_size);
    for (uint32_t i = 0; i < piece->chunk_count; i++) {
        piece->chunks[i].node = piece->chunks[i].target = USAGE_NOWHERE;
        piece->chunks[i].at = home;
    }
}

void usage_begin(struct usage *usage)
{
    for (uint32_t i = 0; i < USAGE_PIECES; i++)
        usage->pieces[i].kept = false;
}

static struct piece *known(struct usage *usage, uintptr_t start, uint32_t serial)
{
    for (uint32_t i = 0; i < USAGE_PIECES; i++)
        if (usage->used[i] && usage->pieces[i].start == start && usage->pieces[i].serial == serial)
            return &usage->pieces[i];
    return NULL;
}

bool usage_knows(struct usage *usage, uintptr_t start, uint32_t serial)
{
    return known(usage, start, serial);
}

struct piece *usage_keep(struct usage *usage, uintptr_t start, size_t size, size_t unit, uint32_t serial, uint16_t home)
{
    struct piece *piece = known(usage, start, serial);
    uint32_t i = 0;
    if (piece && piece->size == size) {
        piece->kept = true;
        return piece;
    }
    while (i < USAGE_PIECES && usage->used[i])
        i++;
    if (i == USAGE_PIECES)
        return NULL;
    piece = &usage->pieces[i];
    init_piece(piece, start, size, unit, serial, home);
    usage->used[i] = piece->kept = true;
    return piece;
}

void usage_found(struct piece *piece, struct chunk *chunk, uint16_t node)
{
    chunk->at = node;
    chunk->absent = node == USAGE_NOWHERE;
    if (chunk->absent || piece->moves)
        return;
    piece->spread = piece->spread || (piece->first_found != USAGE_NOWHERE && piece->first_found != node);
    piece->first_found = node;
}

static void insert_in_order(struct usage *usage, uint16_t number)
{
    uint32_t place = usage->count++;
    for (; place > 0 && usage->pieces[usage->order[place - 1]].start > usage->pieces[number].start; place--)
        usage->order[place] = usage->order[place - 1];
    usage->order[place] = number;
}

void usage_end(struct usage *usage)
{
    usage->count = 0;
    for (uint16_t i = 0; i < USAGE_PIECES; i++) {
        usage->used[i] = usage->used[i] && usage->pieces[i].kept;
        if (usage->used[i])
            insert_in_order(usage, i);
    }
}

/* --- votes --- */

static struct piece *find(struct usage *usage, uintptr_t pointer)
{
    uint32_t low = 0, high = usage->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        struct piece *piece = &usage->pieces[usage->order[middle]];
        if (pointer < piece->start)
            high = middle;
        else if (pointer - piece->start >= piece->size)
            low = middle + 1;
        else
            return piece;
    }
    return NULL;
}

static void count_vote(struct chunk *chunk, uint16_t node)
{
    if (chunk->votes == 0)
        chunk->node = node;
    if (chunk->node == node && chunk->votes < UINT16_MAX)
        chunk->votes++;
    else if (chunk->node != node && chunk->others < UINT16_MAX)
        chunk->others++;
    if (chunk->others > chunk->votes) {
        uint16_t votes = chunk->votes;
        chunk->node = node;
        chunk->votes = chunk->others;
        chunk->others = votes;
    }
}

const struct piece *usage_vote(struct usage *usage, uintptr_t pointer, uint16_t node)
{
    struct piece *piece = find(usage, pointer);
    if (!piece || pointer == piece->start)
        return NULL;
    count_vote(&piece->chunks[(pointer - piece->origin) / piece->chunk_size], node);
    piece->votes++;
    piece->fresh = true;
    return piece;
}

static bool is_shared(const struct chunk *chunk)
{
    return chunk->others * 4u > chunk->votes;
}

static bool is_voted(const struct chunk *chunk)
{
    return chunk->votes > 0;
}

bool usage_leaves(struct usage *usage, uintptr_t pointer)
{
    struct piece *piece = find(usage, pointer);
    if (!piece)
        return true;
    const struct chunk *chunk = &piece->chunks[(pointer - piece->origin) / piece->chunk_size];
    return piece->chunk_size > USAGE_CHUNK_LEAST || (is_voted(chunk) && is_shared(chunk));
}

void usage_tick(struct usage *usage)
{
    for (uint32_t i = 0; i < usage->count; i++)
        if (usage->pieces[usage->order[i]].votes)
            usage->pieces[usage->order[i]].ticks++;
}

/* --- decisions --- */

/* Is most of the sampled memory used from several nodes? Then no node is better than another. */
static bool is_common(const struct piece *piece)
{
    uint32_t voted = 0, shared = 0;
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        if (is_voted(&piece->chunks[i])) {
            voted++;
            shared += is_shared(&piece->chunks[i]);
        }
    return shared * 2 > voted;
}

static void aim(struct chunk *chunk, uint16_t target, uint32_t distance)
{
    chunk->target = target;
    chunk->distance = (uint16_t)distance;
}

static void aim_upwards(struct piece *piece)
{
    uint16_t node = USAGE_NOWHERE;
    uint32_t distance = 0;
    for (uint32_t i = 0; i < piece->chunk_count; i++, distance++) {
        struct chunk *chunk = &piece->chunks[i];
        if (is_voted(chunk)) {
            node = is_shared(chunk) ? USAGE_NOWHERE : chunk->node;
            distance = 0;
        }
        aim(chunk, node, distance);
    }
}

static void aim_lead(struct piece *piece)
{
    uint32_t lowest = 0;
    while (lowest < piece->chunk_count && !is_voted(&piece->chunks[lowest]))
        lowest++;
    for (uint32_t i = 1; lowest < piece->chunk_count && i <= LEAD_MOST && i <= lowest; i++)
        aim(&piece->chunks[lowest - i], piece->chunks[lowest].target, i);
}

static void decide(struct piece *piece)
{
    piece->fresh = false;
    if (is_common(piece)) {
        for (uint32_t i = 0; i < piece->chunk_count; i++)
            aim(&piece->chunks[i], USAGE_NOWHERE, 0);
        return;
    }
    aim_upwards(piece);
    aim_lead(piece);
}

static bool may_move(const struct piece *piece, const struct chunk *chunk)
{
    if (is_voted(chunk))
        return chunk->moves < USAGE_MOVES && chunk->votes >= (piece->spread ? SURE_VOTES : 1);
    return !piece->spread && !chunk->absent && chunk->guesses < USAGE_GUESSES;
}

static bool should_move(const struct piece *piece, const struct chunk *chunk)
{
    return chunk->target != USAGE_NOWHERE && chunk->target != chunk->at && may_move(piece, chunk) &&
           piece->ticks >= chunk->rests_until;
}

static struct chunk *nearest(struct piece *piece)
{
    struct chunk *found = NULL;
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        if (should_move(piece, &piece->chunks[i]) && (!found || piece->chunks[i].distance < found->distance))
            found = &piece->chunks[i];
    return found;
}

struct chunk *usage_next(struct usage *usage, struct piece **ret_piece)
{
    struct chunk *found = NULL;
    for (uint32_t i = 0; i < usage->count; i++) {
        struct piece *piece = &usage->pieces[usage->order[i]];
        if (piece->fresh && piece->ticks >= DECIDE_TICKS)
            decide(piece);
        struct chunk *chunk = nearest(piece);
        if (chunk && (!found || chunk->distance < found->distance)) {
            found = chunk;
            *ret_piece = piece;
        }
    }
    return found;
}

void usage_moved(struct piece *piece, struct chunk *chunk)
{
    chunk->at = chunk->target;
    chunk->stayed = 0;
    if (is_voted(chunk))
        chunk->moves++;
    else
        chunk->guesses++;
    piece->moves++;
}

void usage_gone(struct chunk *chunk)
{
    chunk->moves = USAGE_MOVES;
    chunk->guesses = USAGE_GUESSES;
}

void usage_stayed(struct piece *piece, struct chunk *chunk, size_t bytes)
{
    chunk->stayed = bytes;
    chunk->at = USAGE_NOWHERE;
    chunk->rests_until = piece->ticks + (REST_TICKS << 2 * (chunk->moves + chunk->guesses - 1));
}

void usage_forget(struct usage *usage, uintptr_t start, size_t size)
{
    for (uint32_t i = 0; i < usage->count; i++) {
        struct piece *piece = &usage->pieces[usage->order[i]];
        for (uint32_t j = 0; j < piece->chunk_count; j++) {
            uintptr_t from = chunk_start(piece, &piece->chunks[j]);
            if (from < start + size && from + chunk_length(piece, &piece->chunks[j]) > start)
                piece->chunks[j].at = USAGE_NOWHERE;
        }
    }
}
