#include "fixture.h"

#include <errno.h>
#include <string.h>

#include "config/suggest.h"
#include "config/units.h"

static void durations_are_whole_numbers_with_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        uint64_t us;
    } cases[] = {
        {"0ms", 0, 0},        {"250us", 0, 250},     {"50ms", 0, 50000},
        {"2s", 0, 2000000},   {"5m", 0, 300000000},  {"1h", 0, 3600000000},
        {"5", -EINVAL, 0},    {"5 s", -EINVAL, 0},   {"-5s", -EINVAL, 0},
        {"1.5s", -EINVAL, 0}, {"s", -EINVAL, 0},     {"", -EINVAL, 0},
        {"5sec", -EINVAL, 0}, {"9000h", -ERANGE, 0}, {"99999999999999999999999s", -ERANGE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t us = 0;
        assert_int_equal(parse_duration(cases[i].text, &us), cases[i].result);
        assert_int_equal(us, cases[i].us);
    }
}

static void sizes_are_whole_numbers_with_a_binary_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        uint64_t bytes;
    } cases[] = {
        {"0B", 0, 0},
        {"4096B", 0, 4096},
        {"64KiB", 0, 65536},
        {"16MiB", 0, 16777216},
        {"1GiB", 0, 1u << 30},
        {"1GB", -EINVAL, 0},
        {"1G", -EINVAL, 0},
        {"1gib", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"+1B", -EINVAL, 0},
        {"9999999999GiB", -ERANGE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 0;
        assert_int_equal(parse_size(cases[i].text, &bytes), cases[i].result);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void ranges_may_be_open_and_stand_in_lists(void **state)
{
    (void)state;
    const char *at = "0,3-7,9-";
    struct index_range range;
    assert_int_equal(parse_range(&at, &range), 0);
    assert_true(range.first == 0 && range.last == 0);
    assert_int_equal(parse_range(&at, &range), 0);
    assert_true(range.first == 3 && range.last == 7);
    assert_int_equal(parse_range(&at, &range), 0);
    assert_true(range.first == 9 && range.last == UINT32_MAX && !*at);

    static const char *const wrong[] = {"", "x", "3-1", "-3", "1,", "1;2", "1--2", "4294967295", "1-2-3"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        at = wrong[i];
        assert_true(parse_range(&at, &range) < 0);
        assert_ptr_equal(at, wrong[i]);
    }
}

static void rule_names_fit_into_variables(void **state)
{
    (void)state;
    static const char *const right[] = {"io", "IO", "a1", "pin_memory", "pin-memory", "a-b_c"};
    static const char *const wrong[] = {"",    "1a",  "_a",  "a_", "a__b", "a-_b",
                                        "a b", "a.b", "a/b", "é",  "../x", "a123456789012345678901234567890b"};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_true(is_rule_name(right[i]));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(is_rule_name(wrong[i]));
    assert_true(same_name("Pin-Memory", "pin_memory"));
    assert_false(same_name("pin", "pin_memory"));
    assert_false(same_name("pin_memory", "pin"));
}

static void braces_must_hold_known_words(void **state)
{
    (void)state;
    static const char *const words[] = {"n", "rule", NULL};
    static const struct {
        const char *text;
        bool unknown;
        size_t offset, length;
    } cases[] = {
        {"omp-{n}", false, 0, 0}, {"{rule}-{n}", false, 0, 0}, {"plain", false, 0, 0}, {"a{x}b", true, 1, 3},
        {"a{n", true, 1, 1},      {"a}", true, 1, 1},          {"{}", true, 0, 2},     {"{nn}", true, 0, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t offset = 0, length = 0;
        assert_int_equal(find_unknown_brace(cases[i].text, words, &offset, &length), cases[i].unknown);
        assert_int_equal(offset, cases[i].offset);
        assert_int_equal(length, cases[i].length);
    }
}

static void edit_distance_counts_swaps_as_one(void **state)
{
    (void)state;
    assert_int_equal(edit_distance("core", "core"), 0);
    assert_int_equal(edit_distance("Core", "core"), 0);
    assert_int_equal(edit_distance("croe", "core"), 1);
    assert_int_equal(edit_distance("sokcet", "socket"), 1);
    assert_int_equal(edit_distance("distribtion", "distribution"), 1);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("abc", ""), 3);
}

static void only_near_names_are_suggested(void **state)
{
    (void)state;
    static const struct {
        const char *wrong, *best;
    } cases[] = {{"levle", "level"}, {"bindto", "bind_to"}, {"xyz", NULL}, {"l", NULL}, {"memroy", "memory"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct suggestion suggestion = suggest_for(cases[i].wrong);
        suggest_offer(&suggestion, "level");
        suggest_offer(&suggestion, "bind_to");
        suggest_offer(&suggestion, "memory");
        if (cases[i].best)
            assert_string_equal(suggestion.best, cases[i].best);
        else
            assert_null(suggestion.best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_whole_numbers_with_a_unit),
        cmocka_unit_test(sizes_are_whole_numbers_with_a_binary_unit),
        cmocka_unit_test(ranges_may_be_open_and_stand_in_lists),
        cmocka_unit_test(rule_names_fit_into_variables),
        cmocka_unit_test(braces_must_hold_known_words),
        cmocka_unit_test(edit_distance_counts_swaps_as_one),
        cmocka_unit_test(only_near_names_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
