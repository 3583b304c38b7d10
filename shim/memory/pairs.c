#include "shim/memory/pairs.h"

#include <string.h>

#define LEAST_ADDRESS ((uintptr_t)1 << 16) /* below: no mapping, but small numbers in registers */
#define MOST_ADDRESS  ((uintptr_t)1 << 47) /* of a program, on all machines that a sampler exists for */
#define GONE_MOST     250u
#define LEFT          UINT32_MAX /* instead of a tid: it is over, but the number is not free yet */

/* --- threads --- */

static uint32_t find(const struct pairs *pairs, uint32_t tid)
{
    if (pairs->tids[pairs->last] == tid)
        return pairs->last; /* samples of a thread come in a row */
    for (uint32_t i = 0; i < pairs->count; i++)
        if (pairs->tids[i] == tid)
            return i;
    return PAIRS_NOBODY;
}

static uint32_t enter(struct pairs *pairs, uint32_t tid)
{
    uint32_t number = 0;
    while (number < pairs->count && pairs->tids[number])
        number++;
    if (number == PAIRS_THREADS)
        return PAIRS_NOBODY;
    if (number == pairs->count)
        pairs->count++;
    pairs->tids[number] = tid;
    return number;
}

uint32_t pairs_number(struct pairs *pairs, uint32_t tid)
{
    if (!tid)
        return PAIRS_NOBODY;
    uint32_t number = find(pairs, tid);
    if (number == PAIRS_NOBODY)
        number = enter(pairs, tid);
    if (number != PAIRS_NOBODY)
        pairs->last = number;
    return number;
}

static void forget_weights(struct pairs *pairs, uint32_t number)
{
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t other = 0; other < pairs->count; other++) {
            pairs->total[round] -= pairs->weights[round][number][other];
            pairs->weights[round][number][other] = pairs->weights[round][other][number] = 0;
        }
}

static void forget_users(struct pairs *pairs, struct pair_unit *unit)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < unit->count; i++)
        if (pairs->tids[unit->users[i]] != LEFT)
            unit->users[kept++] = unit->users[i];
    unit->count = kept;
}

/* To look at all units is much where threads come and go all the time. */
static void free_numbers(struct pairs *pairs)
{
    for (uint32_t i = 0; i < PAIRS_UNITS; i++)
        forget_users(pairs, &pairs->units[i]);
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->tids[i] != LEFT)
            continue;
        forget_weights(pairs, i);
        pairs->tids[i] = 0;
    }
    pairs->left = false;
    pairs->freed_at = pairs->now_ms;
}

void pairs_keep(struct pairs *pairs, const bool stays[PAIRS_THREADS])
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (!pairs->tids[i] || pairs->tids[i] == LEFT || stays[i])
            continue;
        forget_weights(pairs, i);
        pairs->tids[i] = LEFT;
        pairs->left = true;
    }
    if (pairs->left && pairs->now_ms - pairs->freed_at >= PAIRS_WINDOW)
        free_numbers(pairs);
}

/* --- units --- */

static void add(struct pairs *pairs, uint32_t a, uint32_t b, uint32_t weight)
{
    pairs->weights[0][a][b] += weight;
    pairs->weights[0][b][a] += weight;
    pairs->total[0] += weight;
}

/* What a unit is: in the lowest bits of its number. */
enum kind { KIND_PAGE, KIND_LINE, KIND_OBJECT, KIND_OBJECT_HALFWAY, KIND_COUNT };

static struct pair_unit *unit_of(struct pairs *pairs, uintptr_t index, enum kind kind)
{
    uintptr_t number = index * KIND_COUNT + kind;
    struct pair_unit *unit = &pairs->units[number * UINT64_C(0x9E3779B97F4A7C15) >> 32 & (PAIRS_UNITS - 1)];
    if (unit->number != number || pairs->now_ms - unit->seen_at > PAIRS_WINDOW)
        *unit = (struct pair_unit){.number = number};
    unit->seen_at = pairs->now_ms;
    return unit;
}

/* The user comes first; the one that was seen longest ago makes room. */
static void come(struct pair_unit *unit, uint32_t number)
{
    uint8_t at = 0;
    while (at < unit->count && unit->users[at] != number)
        at++;
    if (at == PAIRS_USERS) {
        at--;
        if (unit->gone < GONE_MOST)
            unit->gone++;
    } else if (at == unit->count) {
        unit->count++;
    }
    memmove(unit->users + 1, unit->users, at);
    unit->users[0] = (uint8_t)number;
}

static void visit(struct pairs *pairs, struct pair_unit *unit, uint32_t number)
{
    if (unit->count && unit->users[0] == number)
        return;
    come(unit, number);
    uint32_t others = unit->count - 1u + unit->gone;
    for (uint8_t i = 1; i < unit->count; i++)
        add(pairs, number, unit->users[i], PAIRS_ONE / (others * others));
}

/* PAIRS_NOBODY: nothing to see. */
static uint32_t who_was_at(struct pairs *pairs, uint32_t tid, uintptr_t address)
{
    return address >= LEAST_ADDRESS && address < MOST_ADDRESS ? pairs_number(pairs, tid) : PAIRS_NOBODY;
}

void pairs_saw(struct pairs *pairs, uint32_t tid, uintptr_t address)
{
    uint32_t number = who_was_at(pairs, tid, address);
    if (number == PAIRS_NOBODY)
        return;
    pairs->seen[0]++;
    pairs->accesses++;
    visit(pairs, unit_of(pairs, address / PAIRS_PAGE, KIND_PAGE), number);
    visit(pairs, unit_of(pairs, address / PAIRS_LINE, KIND_LINE), number);
}

void pairs_saw_waiting(struct pairs *pairs, uint32_t tid, uintptr_t address)
{
    uint32_t number = who_was_at(pairs, tid, address);
    if (number == PAIRS_NOBODY)
        return;
    visit(pairs, unit_of(pairs, address / PAIRS_OBJECT, KIND_OBJECT), number);
    visit(pairs, unit_of(pairs, (address + PAIRS_OBJECT / 2) / PAIRS_OBJECT, KIND_OBJECT_HALFWAY), number);
}

void pairs_handed(struct pairs *pairs, uint32_t one_tid, uint32_t other_tid, uint64_t number)
{
    uint32_t a = pairs_number(pairs, one_tid), b = pairs_number(pairs, other_tid);
    if (a == PAIRS_NOBODY || b == PAIRS_NOBODY || a == b)
        return;
    add(pairs, a, b, PAIRS_ONE * (uint32_t)(number < PAIRS_HANDED ? number : PAIRS_HANDED));
}

/* --- rounds --- */

void pairs_next_round(struct pairs *pairs)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        memcpy(pairs->weights[1][i], pairs->weights[0][i], pairs->count * sizeof(pairs->weights[0][i][0]));
        memset(pairs->weights[0][i], 0, pairs->count * sizeof(pairs->weights[0][i][0]));
    }
    pairs->total[1] = pairs->total[0];
    pairs->seen[1] = pairs->seen[0];
    pairs->total[0] = pairs->seen[0] = 0;
}

void pairs_begin_again(struct pairs *pairs)
{
    pairs_next_round(pairs);
    pairs_next_round(pairs);
}
