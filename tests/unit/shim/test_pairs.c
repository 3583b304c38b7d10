#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/memory/pairs.h"

#define FAR ((uintptr_t)1 << 20)
#define AT  ((uintptr_t)0x700000000000)

static struct pairs pairs;

static int begin(void **state)
{
    (void)state;
    memset(&pairs, 0, sizeof(pairs));
    pairs.now_ms = 1000;
    return 0;
}

static uint32_t weight_in(uint32_t round, uint32_t tid, uint32_t other)
{
    uint32_t a = pairs_number(&pairs, tid), b = pairs_number(&pairs, other);
    assert_int_equal(pairs.weights[round][a][b], pairs.weights[round][b][a]);
    return pairs.weights[round][a][b];
}

static uint32_t weight(uint32_t tid, uint32_t other)
{
    return weight_in(0, tid, other);
}

/* --- accesses --- */

static void threads_that_take_turns_at_memory_have_it_in_common(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        pairs_saw(&pairs, 11, AT);
        pairs_saw(&pairs, 12, AT + 3000);
        pairs_saw(&pairs, 13, AT + FAR);
    }
    assert_int_equal(weight(11, 12), 19 * PAIRS_ONE);
    assert_int_equal(weight(11, 13), 0);
    assert_int_equal(pairs.total[0], 19 * PAIRS_ONE);
    assert_int_equal(pairs.seen[0], 30);
}

static void a_line_says_what_its_page_does_not(void **state)
{
    (void)state;
    for (uint32_t tid = 11; tid < 11 + 40; tid++) /* all use the page, two the line */
        pairs_saw(&pairs, tid, AT + 256 * (tid / 2));
    pairs_next_round(&pairs);
    for (uint32_t tid = 11; tid < 11 + 40; tid++)
        pairs_saw(&pairs, tid, AT + 128 * (tid / 2 % 20));
    assert_true(weight(12, 13) > 4 * weight(13, 14));
}

static void what_many_use_counts_less_and_little_in_all(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        for (uint32_t tid = 11; tid < 15; tid++)
            pairs_saw(&pairs, tid, AT + 512 * (tid - 11)); /* lines of their own */
    uint32_t of_four = weight(11, 12);
    begin(NULL);
    for (int i = 0; i < 100; i++)
        for (uint32_t tid = 11; tid < 13; tid++)
            pairs_saw(&pairs, tid, AT + 512 * (tid - 11));
    assert_true(weight(11, 12) > 4 * of_four);
    begin(NULL);
    for (int i = 0; i < 100; i++)
        for (uint32_t tid = 11; tid < 11 + 2 * PAIRS_USERS; tid++)
            pairs_saw(&pairs, tid, AT);
    assert_true(pairs.total[0] < 20 * PAIRS_ONE);
}

static void memory_that_changes_hands_after_a_while_is_other_memory(void **state)
{
    (void)state;
    pairs_saw(&pairs, 11, AT);
    pairs.now_ms += PAIRS_WINDOW + 1;
    pairs_saw(&pairs, 12, AT);
    assert_int_equal(pairs.total[0], 0);
}

static void small_numbers_are_no_addresses(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        for (uint32_t tid = 11; tid < 13; tid++) {
            pairs_saw(&pairs, tid, 4096);
            pairs_saw(&pairs, tid, UINTPTR_MAX - 4096);
            pairs_saw_waiting(&pairs, tid, 0);
        }
    assert_int_equal(pairs.total[0], 0);
    assert_int_equal(pairs.seen[0], 0);
}

/* --- waits and frees --- */

static void words_of_one_object_are_beside_each_other(void **state)
{
    (void)state;
    for (uintptr_t object = AT; object < AT + 40 * 1000; object += 1000) { /* lock and condition of a queue */
        pairs_saw_waiting(&pairs, 11, object);
        pairs_saw_waiting(&pairs, 12, object + 80);
    }
    assert_true(weight(11, 12) >= 40 * PAIRS_ONE);
    for (int i = 0; i < 10; i++) {
        pairs_saw_waiting(&pairs, 13, AT + FAR);
        pairs_saw_waiting(&pairs, 14, AT + FAR + 1000);
    }
    assert_int_equal(weight(13, 14), 0);
}

static void blocks_that_another_frees_are_in_common(void **state)
{
    (void)state;
    pairs_handed(&pairs, 11, 12, 3);
    assert_int_equal(weight(11, 12), 3 * PAIRS_ONE);
    pairs_handed(&pairs, 11, 12, UINT64_MAX);
    assert_int_equal(weight(11, 12), (3 + PAIRS_HANDED) * PAIRS_ONE);
    pairs_handed(&pairs, 13, 13, 5);
    pairs_handed(&pairs, 0, 13, 5);
    assert_int_equal(pairs.total[0], (3 + PAIRS_HANDED) * PAIRS_ONE);
}

/* --- rounds and threads --- */

static void each_round_counts_by_itself(void **state)
{
    (void)state;
    pairs_handed(&pairs, 11, 12, 3);
    pairs_next_round(&pairs);
    assert_int_equal(weight(11, 12), 0);
    assert_int_equal(weight_in(1, 11, 12), 3 * PAIRS_ONE);
    pairs_handed(&pairs, 11, 13, 1);
    assert_int_equal(pairs.total[0], PAIRS_ONE);
    assert_int_equal(pairs.total[1], 3 * PAIRS_ONE);
    pairs_begin_again(&pairs);
    assert_int_equal(pairs.total[0] + pairs.total[1], 0);
    assert_int_equal(weight_in(1, 11, 12) + weight_in(1, 11, 13), 0);
}

static void nothing_is_left_of_a_thread_that_is_over(void **state)
{
    bool stays[PAIRS_THREADS] = {false};
    (void)state;
    pairs_handed(&pairs, 11, 12, 3);
    pairs_handed(&pairs, 13, 12, 1);
    pairs_saw(&pairs, 11, AT);
    uint32_t gone = pairs_number(&pairs, 11);
    stays[pairs_number(&pairs, 12)] = stays[pairs_number(&pairs, 13)] = true;
    pairs_keep(&pairs, stays);
    assert_int_equal(pairs.total[0], PAIRS_ONE);
    assert_int_equal(weight(12, 13), PAIRS_ONE);
    pairs.now_ms += PAIRS_WINDOW - 1;
    pairs_saw(&pairs, 13, AT + 1000); /* the page stays in use, and so does what it knows */
    pairs.now_ms++;
    pairs_keep(&pairs, stays);
    assert_int_equal(pairs_number(&pairs, 14), gone);
    pairs_saw(&pairs, 12, AT); /* which the one that is over had */
    assert_int_equal(weight(12, 14), 0);
}

static void further_threads_are_not_looked_at(void **state)
{
    (void)state;
    for (uint32_t tid = 1; tid <= PAIRS_THREADS; tid++)
        assert_int_equal(pairs_number(&pairs, tid), tid - 1);
    assert_int_equal(pairs_number(&pairs, PAIRS_THREADS + 1), PAIRS_NOBODY);
    pairs_saw(&pairs, 1, AT);
    pairs_saw(&pairs, PAIRS_THREADS + 1, AT);
    pairs_handed(&pairs, 1, PAIRS_THREADS + 1, 3);
    assert_int_equal(pairs.total[0], 0);
}

/* Whatever is told: the sums are right, nothing is written beside the tables. */
static void any_sequence_keeps_the_sums(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245 + 12345;
        uint32_t what = seed >> 28, tid = 1 + (seed >> 20) % 200;
        uintptr_t address = AT + (seed >> 8) % 4096 * 64;
        if (what < 12)
            pairs_saw(&pairs, tid, address);
        else if (what == 12)
            pairs_handed(&pairs, tid, 1 + (seed >> 10) % 200, seed >> 16 & 63);
        else if (what == 13)
            pairs_saw_waiting(&pairs, tid, address);
        else if (what == 14)
            pairs.now_ms += 20;
        if (seed >> 16 == 7)
            pairs_next_round(&pairs);
        if (i % 1000 == 0) {
            bool stays[PAIRS_THREADS];
            for (uint32_t number = 0; number < PAIRS_THREADS; number++)
                stays[number] = (seed >> number % 32 & 1) != 0;
            pairs_keep(&pairs, stays);
        }
    }
    for (int round = 0; round < 2; round++) {
        uint64_t sum = 0;
        for (uint32_t a = 0; a < PAIRS_THREADS; a++)
            for (uint32_t b = 0; b < a; b++)
                sum += pairs.weights[round][a][b];
        assert_int_equal(sum, pairs.total[round]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(threads_that_take_turns_at_memory_have_it_in_common, begin),
        cmocka_unit_test_setup(a_line_says_what_its_page_does_not, begin),
        cmocka_unit_test_setup(what_many_use_counts_less_and_little_in_all, begin),
        cmocka_unit_test_setup(memory_that_changes_hands_after_a_while_is_other_memory, begin),
        cmocka_unit_test_setup(small_numbers_are_no_addresses, begin),
        cmocka_unit_test_setup(words_of_one_object_are_beside_each_other, begin),
        cmocka_unit_test_setup(blocks_that_another_frees_are_in_common, begin),
        cmocka_unit_test_setup(each_round_counts_by_itself, begin),
        cmocka_unit_test_setup(nothing_is_left_of_a_thread_that_is_over, begin),
        cmocka_unit_test_setup(further_threads_are_not_looked_at, begin),
        cmocka_unit_test_setup(any_sequence_keeps_the_sums, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
