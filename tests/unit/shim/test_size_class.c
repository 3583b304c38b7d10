#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/arena/size_class.h"

static void every_size_gets_the_smallest_class_that_holds_it(void **state)
{
    (void)state;
    for (size_t size = 0; size <= CLASS_MAX_SIZE; size++) {
        unsigned number = class_of(size);
        assert_true(number < CLASS_COUNT);
        assert_true(class_size(number) >= size);
        if (number > 0)
            assert_true(class_size(number - 1) < size);
    }
    assert_int_equal(class_size(CLASS_COUNT - 1), CLASS_MAX_SIZE);
}

static void at_most_a_quarter_of_a_block_is_lost(void **state)
{
    (void)state;
    for (size_t size = 64; size <= CLASS_MAX_SIZE; size++)
        assert_true((class_size(class_of(size)) - size) * 4 <= size);
}

static void a_multiple_of_an_alignment_falls_into_a_class_that_is_one(void **state)
{
    (void)state;
    for (size_t alignment = 16; alignment <= CLASS_MAX_SIZE; alignment *= 2)
        for (size_t size = alignment; size <= CLASS_MAX_SIZE; size += alignment)
            assert_int_equal(class_size(class_of(size)) % alignment, 0);
}

static void pages_hold_many_blocks_and_waste_little(void **state)
{
    (void)state;
    for (unsigned number = 0; number < CLASS_COUNT; number++) {
        size_t bytes = (size_t)class_slices(number) << SLICE_SHIFT;
        size_t blocks = bytes / class_size(number);
        assert_true(blocks >= 8 && blocks <= UINT16_MAX);
        assert_true((bytes - blocks * class_size(number)) * 8 < bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_gets_the_smallest_class_that_holds_it),
        cmocka_unit_test(at_most_a_quarter_of_a_block_is_lost),
        cmocka_unit_test(a_multiple_of_an_alignment_falls_into_a_class_that_is_one),
        cmocka_unit_test(pages_hold_many_blocks_and_waste_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
