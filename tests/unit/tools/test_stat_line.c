#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/common/stat_line.h"

#define SHELL                                                                                                          \
    "4711 (sh) S 4001 4711 4001 34816 4712 4194304 1500 2600 0 0 1 2 3 4 20 0 3 0 987654 2998272 416 "                 \
    "18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"

static void fields_are_those_of_the_manual(void **state)
{
    (void)state;
    struct stat_line line;
    assert_int_equal(stat_line_parse(&line, SHELL), 0);
    assert_string_equal(line.name, "sh");
    assert_int_equal(line.state, 'S');
    assert_int_equal(line.parent, 4001);
    assert_int_equal(line.flags, 4194304);
    assert_int_equal(line.threads, 3);
    assert_int_equal(line.start_ticks, 987654);
    assert_int_equal(line.cpu, 1);
    assert_false(stat_line_is_kernels(&line) || stat_line_is_fixed(&line) || stat_line_is_forked(&line));
}

static void a_name_may_hold_anything(void **state)
{
    (void)state;
    struct stat_line line;
    assert_int_equal(stat_line_parse(&line, "7 (a) R 1 (b\n) Z 5 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 55 0 0 0\n"), 0);
    assert_string_equal(line.name, "a) R 1 (b\n");
    assert_int_equal(line.parent, 5);
    assert_int_equal(line.start_ticks, 55);
    assert_int_equal(line.cpu, -1);
    assert_true(stat_line_is_forked(&line));
    assert_true(stat_line_has_ended(&line));
}

static void a_first_thread_that_ended_before_the_others_is_no_end(void **state)
{
    (void)state;
    struct stat_line line;
    assert_int_equal(stat_line_parse(&line, "7 (a) Z 5 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 55 0 0 0\n"), 0);
    assert_false(stat_line_has_ended(&line));
}

static void the_kernels_own_are_known_by_their_flags(void **state)
{
    (void)state;
    struct stat_line line;
    assert_int_equal(
        stat_line_parse(&line, "9 (kworker/0:1-eve) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0\n"), 0);
    assert_true(stat_line_is_kernels(&line));
    assert_true(stat_line_is_fixed(&line));
}

static void what_is_no_such_line_is_refused(void **state)
{
    (void)state;
    struct stat_line line;
    static const char *const wrong[] = {"", "7", "7 (a", "7 a) S 1", "7 (a) S", "7 (a) S 5 7 7 0 -1 0 0 0 0 0", ")("};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(stat_line_parse(&line, wrong[i]), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_those_of_the_manual),
        cmocka_unit_test(a_name_may_hold_anything),
        cmocka_unit_test(a_first_thread_that_ended_before_the_others_is_no_end),
        cmocka_unit_test(the_kernels_own_are_known_by_their_flags),
        cmocka_unit_test(what_is_no_such_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
