/* Who uses what, concluded from where threads were seen walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/memory/usage.h"

#define MIB   ((size_t)1 << 20)
#define START ((uintptr_t)0x10000000)

static struct usage usage;

static struct piece *one_piece(size_t size)
{
    memset(&usage, 0, sizeof(usage));
    usage_begin(&usage);
    struct piece *piece = usage_keep(&usage, START, size, USAGE_CHUNK_LEAST, 7, 0);
    usage_end(&usage);
    return piece;
}

/* Carries out what is decided; how many chunks that were. */
static unsigned carry_out(void)
{
    struct piece *piece = NULL;
    struct chunk *chunk;
    unsigned moved = 0;
    usage_tick(&usage);
    usage_tick(&usage);
    for (; (chunk = usage_next(&usage, &piece)); moved++)
        usage_moved(piece, chunk);
    return moved;
}

static uint16_t node_at(const struct piece *piece, size_t offset)
{
    return piece->chunks[offset / piece->chunk_size].at;
}

static void slices_are_understood_from_one_look_at_each_thread(void **state)
{
    struct piece *piece = one_piece(16 * MIB);
    (void)state;
    for (uint16_t thread = 0; thread < 8; thread++)
        assert_true(usage_vote(&usage, START + thread * 2 * MIB + 4096, thread % 4));
    assert_int_equal(carry_out(), piece->chunk_count * 6 / 8); /* all but those that are there */
    for (size_t offset = 0; offset < 16 * MIB; offset += 65536)
        assert_int_equal(node_at(piece, offset), offset / (2 * MIB) % 4);
    assert_int_equal(carry_out(), 0);
}

/* Threads initialised it, each its part: one that is seen at the beginning of a part does not own what follows. */
static void what_several_nodes_initialised_moves_by_its_own_votes_alone(void **state)
{
    struct piece *piece = one_piece(16 * MIB);
    (void)state;
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        usage_found(piece, &piece->chunks[i], (uint16_t)(i * 8 / piece->chunk_count % 4));
    usage_vote(&usage, START + 4096, 0);
    assert_int_equal(carry_out(), 0);
    usage_vote(&usage, START + 15 * MIB, 1); /* is on node 3; where a loop ends says little */
    assert_int_equal(carry_out(), 0);
    for (unsigned i = 0; i < 4; i++)
        usage_vote(&usage, START + 15 * MIB, 1);
    assert_int_equal(carry_out(), 1);
    assert_int_equal(node_at(piece, 15 * MIB), 1);
}

static void what_one_node_initialised_is_divided_as_before(void **state)
{
    struct piece *piece = one_piece(16 * MIB);
    uint32_t half = piece->chunk_count / 2;
    (void)state;
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        usage_found(piece, &piece->chunks[i], i < half ? 0 : USAGE_NOWHERE);
    usage_vote(&usage, START + 4 * MIB, 1);
    assert_int_equal(carry_out(), half / 2 + 4);      /* to the end of what is there, with the lead */
    for (uint32_t i = 0; i < piece->chunk_count; i++) /* on two nodes by now, because of what moved */
        usage_found(piece, &piece->chunks[i], piece->chunks[i].at == USAGE_NOWHERE ? 0 : piece->chunks[i].at);
    usage_vote(&usage, START + 8 * MIB, 2);
    assert_int_equal(carry_out(), half);
}

static void what_is_ahead_of_a_thread_moves_first(void **state)
{
    struct piece *piece = one_piece(16 * MIB), *found;
    (void)state;
    usage_vote(&usage, START + 4 * MIB, 1);
    usage_vote(&usage, START + 8 * MIB, 2);
    usage_tick(&usage);
    usage_tick(&usage);
    for (unsigned i = 0; i < 8; i++) {
        struct chunk *chunk = usage_next(&usage, &found);
        assert_true(chunk->distance <= i / 2 + 1);
        usage_moved(piece, chunk);
    }
}

static void one_tick_is_too_early(void **state)
{
    struct piece *found;
    (void)state;
    one_piece(16 * MIB);
    usage_vote(&usage, START + 4 * MIB, 1);
    usage_tick(&usage);
    assert_null(usage_next(&usage, &found));
}

static void what_its_maker_uses_stays(void **state)
{
    (void)state;
    one_piece(16 * MIB);
    for (size_t offset = 4096; offset < 16 * MIB; offset += 65536)
        usage_vote(&usage, START + offset, 0);
    assert_int_equal(carry_out(), 0);
}

static void what_all_use_stays(void **state)
{
    (void)state;
    one_piece(16 * MIB);
    for (unsigned i = 0; i < 4000; i++)
        usage_vote(&usage, START + 1 + (size_t)i * 7919 * 64 % (16 * MIB - 1), (uint16_t)(i % 4));
    assert_int_equal(carry_out(), 0);
}

static void nothing_is_thrown_to_and_fro(void **state)
{
    unsigned moved = 0;
    (void)state;
    one_piece(MIB);
    for (unsigned round = 0; round < 200; round++) {
        uint16_t node = (uint16_t)(1 + round % 3);
        for (unsigned i = 0; i <= round * 4; i++)
            usage_vote(&usage, START + 4096, node);
        moved += carry_out();
    }
    assert_true(moved <= 16 * (USAGE_MOVES + USAGE_GUESSES));
}

/* On a loaded machine threads have their first turn one after the other. */
static void threads_that_come_late_have_theirs_at_last(void **state)
{
    struct piece *piece = one_piece(16 * MIB);
    (void)state;
    for (uint16_t thread = 0; thread < 8; thread++) {
        usage_vote(&usage, START + thread * 2 * MIB + 4096, 1 + thread % 3);
        carry_out();
    }
    for (size_t offset = 4096; offset < 16 * MIB; offset += 65536)
        for (unsigned i = 0; i < 4; i++)
            usage_vote(&usage, START + offset, (uint16_t)(1 + offset / (2 * MIB) % 3));
    carry_out();
    for (size_t offset = 0; offset < 16 * MIB; offset += 65536)
        assert_int_equal(node_at(piece, offset), 1 + offset / (2 * MIB) % 3);
}

static void what_was_busy_is_tried_again_a_few_times(void **state)
{
    struct piece *piece = one_piece(MIB), *found;
    unsigned moved = 0, ticks = 0, last = 0;
    (void)state;
    usage_vote(&usage, START + 4096, 1);
    carry_out();
    struct chunk *chunk = piece->chunks;
    usage_stayed(piece, chunk, 4096);
    for (; ticks < 1000; ticks++) {
        usage_tick(&usage);
        if (!usage_next(&usage, &found))
            continue;
        assert_true(ticks - last > 1); /* not at once */
        last = ticks;
        usage_moved(piece, chunk);
        usage_stayed(piece, chunk, 4096);
        moved++;
    }
    assert_int_equal(moved, USAGE_MOVES - 1);
}

static void pointers_elsewhere_and_to_the_start_say_nothing(void **state)
{
    (void)state;
    one_piece(MIB);
    assert_false(usage_vote(&usage, START, 1));
    assert_false(usage_vote(&usage, START - 1, 1));
    assert_false(usage_vote(&usage, START + MIB, 1));
    assert_false(usage_vote(&usage, 0, 1));
    assert_true(usage_vote(&usage, START + MIB - 1, 1));
}

static void known_pieces_keep_their_votes_and_others_are_forgotten(void **state)
{
    struct piece *piece = one_piece(MIB);
    (void)state;
    usage_vote(&usage, START + 4096, 1);
    usage_begin(&usage);
    assert_ptr_equal(usage_keep(&usage, START, MIB, USAGE_CHUNK_LEAST, 7, 0), piece);
    struct piece *other = usage_keep(&usage, START - 4 * MIB, 2 * MIB, USAGE_CHUNK_LEAST, 1, 3);
    usage_end(&usage);
    assert_int_equal(piece->votes, 1);
    assert_int_equal(usage.count, 2);
    assert_true(usage_vote(&usage, START - 3 * MIB, 3));
    assert_int_equal(other->votes, 1);
    usage_begin(&usage);
    piece = usage_keep(&usage, START, MIB, USAGE_CHUNK_LEAST, 8, 0); /* another object in its place */
    usage_end(&usage);
    assert_int_equal(usage.count, 1);
    assert_int_equal(piece->votes, 0);
    assert_false(usage_vote(&usage, START - 3 * MIB, 3));
}

static void a_full_table_is_said(void **state)
{
    (void)state;
    memset(&usage, 0, sizeof(usage));
    usage_begin(&usage);
    for (size_t i = 0; i < USAGE_PIECES; i++)
        assert_non_null(usage_keep(&usage, START + (USAGE_PIECES - i) * MIB, MIB, USAGE_CHUNK_LEAST, 1, 0));
    assert_null(usage_keep(&usage, START, MIB, USAGE_CHUNK_LEAST, 1, 0));
    usage_end(&usage);
    for (size_t i = 1; i <= USAGE_PIECES; i++)
        assert_true(usage_vote(&usage, START + i * MIB + 1, 0));
}

static void chunks_cover_every_size(void **state)
{
    (void)state;
    for (size_t size = MIB; size < ((size_t)1 << 42); size = size * 3 + 4096) {
        struct piece *piece = one_piece(size);
        struct chunk *last = &piece->chunks[piece->chunk_count - 1];
        assert_true(piece->chunk_count <= USAGE_CHUNKS);
        assert_int_equal(chunk_start(piece, last) + chunk_length(piece, last), START + size);
        assert_true(usage_vote(&usage, START + size - 1, 1));
        assert_int_equal(last->votes, 1);
    }
}

/* Huge pages move as a whole: no chunk ends within one, but for the piece's own ends. */
static void chunks_are_whole_units(void **state)
{
    const size_t unit = 2 * MIB;
    (void)state;
    for (size_t size = 3 * MIB; size < ((size_t)1 << 40); size = size * 5 + 65536) {
        uintptr_t next = START + MIB;
        memset(&usage, 0, sizeof(usage));
        usage_begin(&usage);
        struct piece *piece = usage_keep(&usage, START + MIB, size, unit, 1, 0);
        usage_end(&usage);
        for (uint32_t i = 0; i < piece->chunk_count; i++) {
            assert_int_equal(chunk_start(piece, &piece->chunks[i]), next);
            next += chunk_length(piece, &piece->chunks[i]);
            assert_true(next % unit == 0 || i + 1 == piece->chunk_count);
        }
        assert_int_equal(next, START + MIB + size);
    }
}

static void what_was_moved_away_moves_again(void **state)
{
    struct piece *piece = one_piece(4 * MIB);
    (void)state;
    usage_vote(&usage, START + 4096, 1);
    assert_int_equal(carry_out(), piece->chunk_count);
    usage_forget(&usage, START + 2 * MIB, 1 * MIB);
    assert_int_equal(node_at(piece, 0), 1);
    assert_int_equal(node_at(piece, 2 * MIB), USAGE_NOWHERE);
    assert_int_equal(node_at(piece, 3 * MIB), 1);
    assert_int_equal(carry_out(), piece->chunk_count / 4);
    assert_int_equal(node_at(piece, 2 * MIB), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_understood_from_one_look_at_each_thread),
        cmocka_unit_test(what_several_nodes_initialised_moves_by_its_own_votes_alone),
        cmocka_unit_test(what_one_node_initialised_is_divided_as_before),
        cmocka_unit_test(what_is_ahead_of_a_thread_moves_first),
        cmocka_unit_test(one_tick_is_too_early),
        cmocka_unit_test(what_its_maker_uses_stays),
        cmocka_unit_test(what_all_use_stays),
        cmocka_unit_test(nothing_is_thrown_to_and_fro),
        cmocka_unit_test(threads_that_come_late_have_theirs_at_last),
        cmocka_unit_test(what_was_busy_is_tried_again_a_few_times),
        cmocka_unit_test(pointers_elsewhere_and_to_the_start_say_nothing),
        cmocka_unit_test(known_pieces_keep_their_votes_and_others_are_forgotten),
        cmocka_unit_test(a_full_table_is_said),
        cmocka_unit_test(chunks_cover_every_size),
        cmocka_unit_test(chunks_are_whole_units),
        cmocka_unit_test(what_was_moved_away_moves_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
