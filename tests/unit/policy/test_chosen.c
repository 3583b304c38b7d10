#include <stdlib.h>
#include <string.h>

#include "policy/chosen.h"
#include "tests/unit/policy/fixture.h"

static void a_mask_comes_back_as_it_was_written(void **state)
{
    (void)state;
    const uint64_t mask[3] = {UINT64_C(0x8000000000000001), UINT64_C(0xdeadbeef), 0};
    uint64_t back[4];
    char text[CHOSEN_SIZE(2)];
    assert_int_equal(chosen_words(mask, 3), 2);
    chosen_clear(text, 2);
    assert_int_equal(strlen(text) + 1, sizeof(text));
    assert_false(chosen_mask(text, back, 4));
    chosen_set_mask(text, mask, 3);
    assert_string_equal(text, "-800000000000000100000000deadbeef");
    assert_true(chosen_mask(text, back, 4));
    assert_memory_equal(back, mask, sizeof(mask));
    assert_int_equal(back[3], 0);
    chosen_set_mask(text, NULL, 3);
    assert_false(chosen_mask(text, back, 4));
}

static void the_memory_policy_is_told_apart(void **state)
{
    (void)state;
    const uint64_t mask = 6;
    uint64_t back = 0;
    char text[CHOSEN_SIZE(1)];
    chosen_clear(text, 1);
    assert_false(chosen_memory(text));
    chosen_set_memory(text, true);
    chosen_set_mask(text, &mask, 1);
    assert_string_equal(text, "m0000000000000006");
    assert_true(chosen_memory(text) && chosen_mask(text, &back, 1));
    chosen_set_memory(text, false);
    assert_false(chosen_memory(text));
    assert_int_equal(back, 6);
}

static void who_was_governed_is_told_apart(void **state)
{
    (void)state;
    const uint64_t mask = 6;
    uint64_t back = 0;
    char text[CHOSEN_SIZE(1)];
    assert_true(chosen_was_never_governed(NULL));
    chosen_clear(text, 1);
    assert_false(chosen_was_never_governed(text));
    chosen_set_governed(text, false);
    chosen_set_mask(text, &mask, 1);
    assert_string_equal(text, ".0000000000000006");
    assert_true(chosen_was_never_governed(text) && chosen_mask(text, &back, 1) && !chosen_memory(text));
    chosen_set_governed(text, true);
    assert_string_equal(text, "-0000000000000006");
    chosen_set_memory(text, true);
    chosen_set_governed(text, false);
    assert_true(chosen_memory(text)); /* what was chosen says so */
    assert_false(chosen_was_never_governed(text) || chosen_was_never_governed("x0000000000000001"));
}

static void cpus_beyond_the_text_are_left_out(void **state)
{
    (void)state;
    const uint64_t mask[2] = {5, 1};
    uint64_t back[2];
    char text[CHOSEN_SIZE(1)];
    chosen_clear(text, 1);
    chosen_set_mask(text, mask, 2);
    assert_true(chosen_mask(text, back, 2));
    assert_true(back[0] == 5 && back[1] == 0);
}

/* Anyone may have written it. */
static void other_texts_say_nothing_and_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "m",
                                        "-000000000000001",
                                        "x0000000000000001",
                                        "-000000000000000g",
                                        "-00000000000000010",
                                        "-0000000000000001000000000000000F"};
    const uint64_t mask = 1;
    uint64_t back[2];
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char *copy = strdup(texts[i]);
        assert_false(chosen_mask(copy, back, 2));
        if (strlen(copy) % 16 != 1 || *copy == 'x') {
            chosen_set_mask(copy, &mask, 1);
            chosen_set_memory(copy, true);
            assert_string_equal(copy, texts[i]);
        }
        free(copy);
    }
    assert_false(chosen_mask(NULL, back, 2) || chosen_memory(NULL));
    assert_false(chosen_mask("-00000000000000010000000000000001", back, 1));
    chosen_set_mask(NULL, &mask, 1);
    chosen_set_memory(NULL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mask_comes_back_as_it_was_written),
        cmocka_unit_test(the_memory_policy_is_told_apart),
        cmocka_unit_test(who_was_governed_is_told_apart),
        cmocka_unit_test(cpus_beyond_the_text_are_left_out),
        cmocka_unit_test(other_texts_say_nothing_and_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
