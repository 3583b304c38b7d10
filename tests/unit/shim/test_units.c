/* Which node's threads use which pages, and where these should therefore be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/memory/units.h"

#define START ((uintptr_t)0x40000000)
#define PAGE  ((uintptr_t)4096)

static struct units units;
static uint8_t at[BLOCK_UNITS * 32 * UNIT_PAGES]; /* the node of each page from START on */
static uint32_t now;

/* A sequence that is the same each time. */
static uint32_t random_below(uint32_t count)
{
    static uint64_t state;
    state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t bits = (state ^ state >> 31) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)((bits ^ bits >> 29) >> 32) % count;
}

static void begin(void)
{
    memset(&units, 0, sizeof(units));
    memset(at, 0, sizeof(at));
    now = 1000;
}

static void vote(uintptr_t offset, uint32_t node, unsigned times)
{
    while (times--)
        units_vote(&units, START + offset, node, now);
}

static void carry(const struct unit_move *move)
{
    uintptr_t first = (move->start - START) / PAGE;
    for (uintptr_t i = 0; i < UNIT_PAGES; i++)
        if (move->targets[i] != UNITS_NOWHERE)
            at[first + i] = move->targets[i];
    for (uintptr_t i = 0; i < move->after * UNIT_PAGES; i++)
        at[first + UNIT_PAGES + i] = move->targets[0];
    for (uintptr_t i = 1; i <= move->before * UNIT_PAGES; i++)
        at[first - i] = move->targets[0];
}

static unsigned asked; /* about blocks */

static void answer(const struct unit_move *move)
{
    uint32_t on[256] = {0}, most = 0;
    uintptr_t first = (move->start - START) / PAGE;
    for (uintptr_t i = first; i < first + BLOCK_UNITS * UNIT_PAGES && i < sizeof(at); i++) {
        uint32_t count = ++on[at[i]];
        most = count > most ? count : most;
    }
    units_answer(move, BLOCK_UNITS * UNIT_PAGES, most);
    asked++;
}

/* Carries out what is decided; how many units that were. */
static unsigned carry_out(void)
{
    struct unit_move move;
    unsigned moved = 0;
    while (units_next(&units, now, &move)) {
        if (move.asks) {
            answer(&move);
            continue;
        }
        carry(&move);
        units_done(&move, true);
        moved++;
    }
    return moved;
}

static unsigned node_at(uintptr_t offset)
{
    return at[offset / PAGE];
}

/* How many of the first `count` units are on the node. */
static unsigned units_on(unsigned node, unsigned count)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        found += node_at(i * UNIT_SIZE) == node;
    return found;
}

/* How many units of the block. */
static unsigned units_on_in(unsigned node, unsigned block)
{
    unsigned found = 0;
    for (unsigned i = 0; i < BLOCK_UNITS; i++)
        found += node_at((block * BLOCK_UNITS + i) * UNIT_SIZE) == node;
    return found;
}

static void what_one_node_uses_moves_there(void **state)
{
    (void)state;
    begin();
    vote(5 * PAGE, 2, UNIT_VOTES - 1);
    assert_int_equal(carry_out(), 0);
    vote(9 * PAGE, 2, 1);
    assert_int_equal(carry_out(), 1);
    for (unsigned i = 0; i < UNIT_PAGES; i++)
        assert_int_equal(node_at(i * PAGE), 2);
    vote(9 * PAGE, 2, 20);
    assert_int_equal(carry_out(), 0);
}

static void neighbours_that_nobody_uses_yet_go_along(void **state)
{
    (void)state;
    begin();
    vote(2 * UNIT_SIZE, 1, 1);
    vote(4 * UNIT_SIZE, 3, UNIT_VOTES);
    assert_int_equal(carry_out(), 1);
    assert_int_equal(node_at(3 * UNIT_SIZE), 3);
    assert_int_equal(node_at(2 * UNIT_SIZE), 0);
    assert_int_equal(node_at((4 + UNIT_AHEAD) * UNIT_SIZE), 3);
    assert_int_equal(node_at((5 + UNIT_AHEAD) * UNIT_SIZE), 0);
    vote(6 * UNIT_SIZE, 1, UNIT_VOTES); /* its own users come */
    assert_int_equal(carry_out(), 1);
    assert_int_equal(node_at(6 * UNIT_SIZE), 1);
    assert_int_equal(node_at(7 * UNIT_SIZE), 3);
}

/* Rows of a page, which threads of different nodes use. */
static void each_page_of_a_divided_unit_goes_to_its_user(void **state)
{
    (void)state;
    begin();
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 4 * UNIT_PAGES; i++)
            vote(i * PAGE, i % 4, 1);
    assert_int_equal(carry_out(), 4);
    for (unsigned i = 0; i < 4 * UNIT_PAGES; i++)
        assert_int_equal(node_at(i * PAGE), i % 4);
}

/* Two rows lie in a page: one of its two users has it, and each has as many as the other. */
static void a_page_of_two_users_goes_to_one_of_them(void **state)
{
    unsigned count[4] = {0};
    (void)state;
    begin();
    for (unsigned round = 0; round < 8; round++)
        for (unsigned i = 0; i < 8 * UNIT_PAGES; i++)
            vote(i * PAGE, (i % 2 ? 2 : 0) + round % 2, 1);
    assert_int_equal(carry_out(), 8);
    for (unsigned i = 0; i < 8 * UNIT_PAGES; i++) {
        assert_int_equal(node_at(i * PAGE) / 2, i % 2);
        count[node_at(i * PAGE)]++;
    }
    for (unsigned node = 0; node < 4; node++)
        assert_in_range(count[node], 2 * UNIT_PAGES / 2, 2 * UNIT_PAGES * 2);
}

/* Threads of all nodes look everywhere, those of node 3 so many times as often as each other. */
static void look_at_all(unsigned votes, unsigned more)
{
    for (unsigned i = 0; i < votes; i++) {
        uint32_t node = random_below(3 + more);
        vote(random_below(BLOCK_UNITS * UNIT_PAGES) * PAGE, node < 3 ? node : 3, 1);
    }
}

static void what_all_use_is_dealt_out(void **state)
{
    (void)state;
    begin();
    look_at_all(40 * BLOCK_UNITS, 1);
    assert_in_range(carry_out(), BLOCK_UNITS - 1, BLOCK_UNITS);
    for (unsigned node = 0; node < 4; node++)
        assert_in_range(units_on(node, BLOCK_UNITS), BLOCK_UNITS / 4 - 2, BLOCK_UNITS / 4 + 2);
}

/* One node's threads do most of the work there, and have most of it. */
static void who_uses_more_is_dealt_more(void **state)
{
    (void)state;
    begin();
    look_at_all(40 * BLOCK_UNITS, 3);
    carry_out();
    assert_in_range(units_on(3, BLOCK_UNITS), BLOCK_UNITS / 2 - 2, BLOCK_UNITS / 2 + 2);
}

static void what_was_dealt_out_is_not_thrown_to_and_fro(void **state)
{
    unsigned moved = 0;
    (void)state;
    begin();
    look_at_all(40 * BLOCK_UNITS, 1);
    carry_out();
    for (unsigned round = 0; round < 100; round++) {
        units_age(&units, now);
        look_at_all(UNIT_SURE_VOTES / 2 * BLOCK_UNITS, 1);
        moved += carry_out();
    }
    assert_in_range(moved, 0, BLOCK_UNITS / 16);
}

static void what_was_dealt_out_stays_when_one_node_is_seen_there_for_a_while(void **state)
{
    (void)state;
    begin();
    look_at_all(40 * BLOCK_UNITS, 1);
    carry_out();
    for (unsigned i = 0; i < 8; i++)
        units_age(&units, now);
    for (unsigned i = 0; i < BLOCK_UNITS; i++)
        vote(i * UNIT_SIZE, 2, UNIT_SURE_VOTES - 1);
    assert_int_equal(carry_out(), 0);
}

static void it_goes_to_one_node_when_only_that_uses_it_for_long(void **state)
{
    (void)state;
    begin();
    look_at_all(40 * BLOCK_UNITS, 1);
    carry_out();
    for (unsigned round = 0; round < BLOCK_VOTES / 2; round++) {
        units_age(&units, now);
        for (unsigned i = 0; i < BLOCK_UNITS * UNIT_PAGES; i++)
            vote(i * PAGE, 2, 1);
        carry_out();
        now += 4000;
    }
    for (unsigned i = 0; i < BLOCK_UNITS; i++)
        vote(i * UNIT_SIZE, 2, 4 * UNIT_SURE_VOTES);
    carry_out();
    assert_int_equal(units_on(2, BLOCK_UNITS), BLOCK_UNITS);
}

static void a_unit_moves_a_few_times_only(void **state)
{
    unsigned moved = 0;
    (void)state;
    begin();
    for (unsigned round = 0; round < 60; round++) {
        units_age(&units, now);
        vote(PAGE, round % 3, 200);
        moved += carry_out();
    }
    assert_in_range(moved, 1, UNIT_MOVES);
}

/* 16 KiB: four of them in a unit. */
static void a_larger_page_goes_to_its_users_as_a_whole(void **state)
{
    const uint32_t pages = UNIT_PAGES >> 2;
    struct unit_move move;
    uint32_t moves = 0;
    (void)state;
    begin();
    units.larger = 2;
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < 8 * pages; i++)
            vote((4 * i + round) * PAGE, i % 4, 1); /* each vote at another part of it */
    for (; units_next(&units, now, &move); moves++) {
        for (uint32_t i = 0; i < pages; i++)
            assert_int_equal(move.targets[i], i);
        for (uint32_t i = pages; i < UNIT_PAGES; i++)
            assert_int_equal(move.targets[i], UNITS_NOWHERE);
        units_done(&move, true);
    }
    assert_int_equal(moves, 8);
}

static void what_is_hardly_used_stays(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < BLOCK_UNITS; i++)
        vote(i * UNIT_SIZE, i % 4, UNIT_VOTES - 1);
    assert_int_equal(carry_out(), 0);
    begin();
    for (unsigned i = 0; i < BLOCK_VOTES - 1; i++) /* several nodes, but not worth a move */
        vote(i % 8 * UNIT_SIZE, i / 8 % 4, 1);
    assert_int_equal(carry_out(), 0);
}

/* Threads of `nodes` nodes look at random places of the first `blocks` blocks. */
static void look_at_blocks(unsigned blocks, unsigned votes, unsigned nodes)
{
    for (unsigned i = 0; i < votes; i++) {
        uint32_t node = random_below(nodes); /* before the place: compilers evaluate arguments in orders of their own */
        vote(random_below(blocks * BLOCK_UNITS * UNIT_PAGES) * PAGE, node, 1);
    }
}

static void a_large_table_is_dealt_out_by_blocks_before_its_pages_are_known(void **state)
{
    const unsigned blocks = 32;
    (void)state;
    for (unsigned nodes = 2; nodes <= 8; nodes *= 2) {
        begin();
        for (unsigned round = 0; round < 10; round++) {
            look_at_blocks(blocks, blocks * BLOCK_VOTES / 4, nodes);
            carry_out();
        }
        for (unsigned node = 0; node < nodes; node++)
            assert_in_range(units_on(node, blocks * BLOCK_UNITS), blocks * BLOCK_UNITS / (2 * nodes),
                            blocks * BLOCK_UNITS * 3 / (2 * nodes));
        unsigned whole = 0; /* blocks amid others: their huge pages stay */
        for (unsigned i = 0; i < blocks; i++)
            whole += units_on_in(node_at(i * BLOCK_UNITS * UNIT_SIZE), i) == BLOCK_UNITS;
        assert_in_range(whole, blocks / 2, blocks);
    }
}

static void in_a_large_table_blocks_need_few_looks_each(void **state)
{
    const unsigned blocks = 32;
    (void)state;
    for (unsigned nodes = 2; nodes <= 8; nodes *= 2) {
        begin();
        for (unsigned round = 0; round < BLOCK_VOTES / 2; round++) {
            look_at_blocks(blocks, blocks, nodes);
            carry_out();
        }
        for (unsigned node = 0; node < nodes; node++)
            assert_in_range(units_on(node, blocks * BLOCK_UNITS), blocks * BLOCK_UNITS / (2 * nodes),
                            blocks * BLOCK_UNITS * 3 / (2 * nodes));
    }
}

static void in_a_large_slice_blocks_need_few_looks_each(void **state)
{
    const unsigned blocks = 32;
    unsigned there = 0;
    (void)state;
    begin();
    for (unsigned i = 0; i < blocks * ONE_VOTES * 2; i++) {
        unsigned block = random_below(blocks);
        vote((block * BLOCK_UNITS + random_below(BLOCK_UNITS)) * UNIT_SIZE, block / (blocks / 4), 1);
    }
    carry_out();
    for (unsigned i = 0; i < blocks; i++)
        there += units_on_in(i / (blocks / 4), i);
    assert_in_range(there, blocks * BLOCK_UNITS * 95 / 100, blocks * BLOCK_UNITS);
}

/* Nine in ten looks at each block are one node's; a unit that was seen once, from another, does not go there. */
static void a_look_of_another_node_moves_nothing(void **state)
{
    const unsigned blocks = 32;
    (void)state;
    begin();
    for (unsigned i = 0; i < blocks * ONE_VOTES * 2; i++) {
        unsigned block = random_below(blocks);
        vote((block * BLOCK_UNITS + random_below(BLOCK_UNITS)) * UNIT_SIZE, random_below(10) ? 0 : 1 + random_below(3),
             1);
    }
    carry_out();
    assert_in_range(units_on(0, blocks * BLOCK_UNITS), blocks * BLOCK_UNITS * 98 / 100, blocks * BLOCK_UNITS);
}

/* A slow machine's few looks at a large table are many after a while. */
static void votes_are_old_when_there_are_newer_ones(void **state)
{
    (void)state;
    begin();
    units.aged_ms = now;
    vote(0, 1, 1);
    assert_false(units_are_old(&units, now + 30000));
    assert_true(units_are_old(&units, now + 60000));
    for (unsigned i = 0; i < 2000; i++)
        vote(i % 64 * UNIT_SIZE, i % 4, 1);
    assert_false(units_are_old(&units, now + 3000));
    assert_true(units_are_old(&units, now + 4000));
    units_age(&units, now + 4000);
    assert_false(units_are_old(&units, now + 30000));
}

static void what_lies_on_all_nodes_already_stays(void **state)
{
    const unsigned blocks = 8;
    unsigned stayed = 0;
    (void)state;
    begin();
    for (unsigned i = 0; i < sizeof(at); i++)
        at[i] = (uint8_t)(i / UNIT_PAGES % 4);
    unsigned before = asked;
    look_at_blocks(blocks, blocks * BLOCK_VOTES * 2, 4);
    carry_out();
    assert_true(asked > before);
    for (unsigned i = 0; i < blocks * BLOCK_UNITS; i++)
        stayed += node_at(i * UNIT_SIZE) == i % 4;
    assert_in_range(stayed, blocks * BLOCK_UNITS * 9 / 10, blocks * BLOCK_UNITS); /* but for a few looks by chance */
    before = asked;
    carry_out();
    assert_int_equal(asked, before); /* not again at once */
}

/* Six in ten looks are its threads': more would be local nowhere else. */
static void what_one_node_uses_most_is_not_dealt_out(void **state)
{
    const unsigned blocks = 8;
    (void)state;
    begin();
    for (unsigned i = 0; i < blocks * BLOCK_VOTES * 2; i++) {
        uint32_t node = random_below(10);
        vote(random_below(blocks * BLOCK_UNITS * UNIT_PAGES) * PAGE, node < 6 ? 0 : node % 3 + 1, 1);
    }
    carry_out();
    assert_in_range(units_on(0, blocks * BLOCK_UNITS), blocks * BLOCK_UNITS * 9 / 10, blocks * BLOCK_UNITS);
}

static void slices_go_to_their_users_as_before(void **state)
{
    const unsigned blocks = 8;
    (void)state;
    begin();
    for (unsigned i = 0; i < blocks * BLOCK_UNITS; i++)
        vote(i * UNIT_SIZE, i / (blocks * BLOCK_UNITS / 4), UNIT_VOTES);
    carry_out();
    for (unsigned i = 0; i < blocks * BLOCK_UNITS; i++)
        assert_int_equal(node_at(i * UNIT_SIZE), i / (blocks * BLOCK_UNITS / 4));
}

static void what_is_delayed_comes_again_later(void **state)
{
    struct unit_move move;
    (void)state;
    begin();
    vote(PAGE, 1, UNIT_VOTES);
    assert_true(units_next(&units, now, &move));
    units_delay(&move, now);
    assert_false(units_next(&units, now + 1, &move));
    assert_true(units_next(&units, now + 1000, &move));
    for (unsigned i = 0; i < 20; i++)
        if (units_next(&units, now += 100000, &move))
            units_delay(&move, now);
    assert_false(units_next(&units, now += 100000, &move)); /* not for ever */
}

static void what_cannot_move_is_not_asked_again(void **state)
{
    struct unit_move move;
    (void)state;
    begin();
    vote(PAGE, 1, UNIT_VOTES);
    assert_true(units_next(&units, now, &move));
    units_refuse(&move);
    vote(PAGE, 1, 100);
    vote(PAGE, 2, 100);
    assert_false(units_next(&units, now, &move));
}

/* More memory than the table has room for: what is in use stays in it, and nothing else happens. */
static void the_table_is_bounded(void **state)
{
    (void)state;
    begin();
    vote(0, 1, 200);
    for (uintptr_t i = 1; i < 64 * UNITS_BLOCKS; i++)
        units_vote(&units, START + i * UNIT_SIZE * BLOCK_UNITS, 2, now);
    vote(0, 1, UNIT_VOTES);
    assert_int_equal(carry_out(), 1);
    assert_int_equal(node_at(0), 1);
    units_vote(&units, 1, 1, now);
    units_vote(&units, START, UNITS_NODES, now);
    assert_int_equal(carry_out(), 0);
}

static void an_address_that_is_seen_once_displaces_nothing(void **state)
{
    static uintptr_t before[UNITS_BLOCKS];
    (void)state;
    begin();
    for (uintptr_t i = 0; i < 16 * UNITS_BLOCKS; i++)
        for (unsigned times = 0; times < 100; times++)
            units_vote(&units, START + i * UNIT_SIZE * BLOCK_UNITS, 2, now);
    for (unsigned i = 0; i < UNITS_BLOCKS; i++) {
        assert_true(units.blocks[i].start);
        before[i] = units.blocks[i].start;
        for (unsigned times = 0; times < 100; times++)
            units_vote(&units, before[i], 2, now);
    }
    for (uintptr_t i = 0; i < UNITS_BLOCKS / 4; i++)
        units_vote(&units, START + (i + 100 * UNITS_BLOCKS) * UNIT_SIZE * BLOCK_UNITS, 2, now);
    unsigned displaced = 0;
    for (unsigned i = 0; i < UNITS_BLOCKS; i++)
        displaced += units.blocks[i].start != before[i];
    assert_in_range(displaced, 0, UNITS_BLOCKS / 64);
}

/* khugepaged has put it back: what was seen before is enough to move it again. */
static void what_was_moved_away_moves_again(void **state)
{
    (void)state;
    begin();
    vote(0, 2, UNIT_VOTES);
    vote(BLOCK_SIZE, 2, UNIT_VOTES);
    assert_int_equal(carry_out(), 2);
    memset(at, 0, sizeof(at));
    assert_int_equal(carry_out(), 0);
    units_forget(&units, START, BLOCK_SIZE);
    assert_int_equal(carry_out(), 1);
    assert_int_equal(node_at(0), 2);
    assert_int_equal(node_at(BLOCK_SIZE), 0);
    for (unsigned i = 0; i < UNIT_MOVES; i++) {
        units_forget(&units, START, BLOCK_SIZE);
        carry_out();
    }
    units_forget(&units, START, BLOCK_SIZE);
    assert_int_equal(carry_out(), 0); /* not for ever */
}

static void what_was_dealt_out_is_dealt_out_again(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 4 * UNIT_DEAL_VOTES; i++)
        vote(random_below(BLOCK_UNITS * UNIT_PAGES) * PAGE, i % 4, 4);
    carry_out();
    unsigned dealt = units_on(1, BLOCK_UNITS);
    assert_in_range(dealt, 1, BLOCK_UNITS);
    memset(at, 0, sizeof(at));
    units_forget(&units, START, BLOCK_SIZE);
    carry_out();
    assert_int_equal(units_on(1, BLOCK_UNITS), dealt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_node_uses_moves_there),
        cmocka_unit_test(neighbours_that_nobody_uses_yet_go_along),
        cmocka_unit_test(each_page_of_a_divided_unit_goes_to_its_user),
        cmocka_unit_test(a_page_of_two_users_goes_to_one_of_them),
        cmocka_unit_test(what_all_use_is_dealt_out),
        cmocka_unit_test(who_uses_more_is_dealt_more),
        cmocka_unit_test(what_was_dealt_out_is_not_thrown_to_and_fro),
        cmocka_unit_test(what_was_dealt_out_stays_when_one_node_is_seen_there_for_a_while),
        cmocka_unit_test(an_address_that_is_seen_once_displaces_nothing),
        cmocka_unit_test(it_goes_to_one_node_when_only_that_uses_it_for_long),
        cmocka_unit_test(a_unit_moves_a_few_times_only),
        cmocka_unit_test(a_larger_page_goes_to_its_users_as_a_whole),
        cmocka_unit_test(what_is_hardly_used_stays),
        cmocka_unit_test(a_large_table_is_dealt_out_by_blocks_before_its_pages_are_known),
        cmocka_unit_test(in_a_large_table_blocks_need_few_looks_each),
        cmocka_unit_test(in_a_large_slice_blocks_need_few_looks_each),
        cmocka_unit_test(a_look_of_another_node_moves_nothing),
        cmocka_unit_test(votes_are_old_when_there_are_newer_ones),
        cmocka_unit_test(what_lies_on_all_nodes_already_stays),
        cmocka_unit_test(what_one_node_uses_most_is_not_dealt_out),
        cmocka_unit_test(slices_go_to_their_users_as_before),
        cmocka_unit_test(what_is_delayed_comes_again_later),
        cmocka_unit_test(what_cannot_move_is_not_asked_again),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(what_was_moved_away_moves_again),
        cmocka_unit_test(what_was_dealt_out_is_dealt_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
