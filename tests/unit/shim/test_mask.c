#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/mask.h"
#include "shim/base/state.h"

static const size_t widths[] = {1, 2, MASK_SMALL_WORDS, MASK_SMALL_WORDS + 1, BASE_MASK_WORDS};

/* Of each width that machines have: on the stack, and in a mapping. */
static void at_every_width(void (*check)(struct mask *a, struct mask *b))
{
    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
        struct mask a, b;
        shim.base.words = widths[i];
        mask_open(&a);
        mask_open(&b);
        check(&a, &b);
        mask_close(&a);
        mask_close(&b);
    }
}

static void set(struct mask *mask, size_t id)
{
    mask->bits[id / 64] |= UINT64_C(1) << id % 64;
}

static size_t last(const struct mask *mask)
{
    return mask->words * 64 - 1;
}

static void check_new(struct mask *a, struct mask *b)
{
    assert_int_equal(a->words, shim.base.words);
    assert_int_equal(mask_weight(a), 0);
    assert_true(mask_equal(a, b));
    assert_false(mask_has(a, last(a)));
    assert_false(mask_has(a, last(a) + 1)); /* beyond it */
}

static void check_relations(struct mask *a, struct mask *b)
{
    set(a, last(a));
    assert_int_equal(mask_weight(a), 1);
    assert_true(mask_has(a, last(a)));
    assert_true(mask_is_subset(b, a)); /* nothing is part of everything */
    assert_false(mask_is_subset(a, b));
    assert_false(mask_intersects(a, b));
    set(b, 0);
    assert_false(mask_intersects(a, b));
    assert_false(mask_equal(a, b));
    set(b, last(b));
    assert_true(mask_intersects(a, b));
    assert_true(mask_is_subset(a, b));
    assert_false(mask_is_subset(b, a));
    assert_int_equal(mask_weight(b), 2);
}

static void check_changes(struct mask *a, struct mask *b)
{
    set(a, 1);
    set(a, last(a));
    set(b, last(b));
    mask_and(a, b->bits);
    assert_true(mask_equal(a, b));
    set(b, 3);
    mask_copy(a, b->bits);
    assert_true(mask_equal(a, b));
}

static void a_new_one_is_empty(void **state)
{
    (void)state;
    at_every_width(check_new);
}

static void parts_and_common_cpus_are_found_up_to_the_last_one(void **state)
{
    (void)state;
    at_every_width(check_relations);
}

static void one_is_cut_and_copied_whole(void **state)
{
    (void)state;
    at_every_width(check_changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_empty),
        cmocka_unit_test(parts_and_common_cpus_are_found_up_to_the_last_one),
        cmocka_unit_test(one_is_cut_and_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
