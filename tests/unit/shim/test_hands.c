/* What threads handed to each other is counted for the pair, and taken once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shim/memory/hands.h"

/* Messages of a pair that are taken now; all others are taken with them. */
static uint64_t take(uint32_t from, uint32_t to)
{
    struct hand hand;
    uint64_t messages = 0;
    for (uint32_t i = 0; i < HANDS; i++)
        if (hands_take(i, &hand) && hand.from_tid == from && hand.to_tid == to)
            messages += hand.messages;
    return messages;
}

static void each_pair_has_its_own_and_is_taken_once(void **state)
{
    (void)state;
    hands_tell(1, 2, 3);
    hands_tell(2, 1, 5);
    hands_tell(1, 2, 4);
    hands_tell(1, 3, 0);
    assert_int_equal(take(1, 2), 7);
    assert_int_equal(take(2, 1), 0);
    assert_int_equal(take(1, 3), 0);
    hands_tell(1, 2, 1);
    assert_int_equal(take(1, 2), 1);
}

/* More pairs than there is room for: what is told is told of the right ones, and room comes with the taking. */
static void a_full_table_forgets_and_does_not_mistake(void **state)
{
    struct hand hand;
    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t found = 0;
        for (uint32_t i = 1; i <= 4 * HANDS; i++)
            hands_tell(i, i + round, i);
        for (uint32_t i = 0; i < HANDS; i++)
            if (hands_take(i, &hand)) {
                assert_int_equal(hand.to_tid, hand.from_tid + round);
                assert_int_equal(hand.messages, hand.from_tid);
                found++;
            }
        assert_true(found > HANDS / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_has_its_own_and_is_taken_once),
        cmocka_unit_test(a_full_table_forgets_and_does_not_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
