#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/report/interval.h"

static bool is_near(double a, double b)
{
    return fabs(a - b) < 0.0005;
}

/* Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 17 (1998), table I, method 3. */
static void wilson_is_as_published(void **state)
{
    (void)state;
    static const struct {
        double hits, of, low, high;
    } published[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
        struct interval is = interval_wilson(published[i].hits / published[i].of, published[i].of, 1.96);
        assert_true(is_near(is.low, published[i].low) && is_near(is.high, published[i].high));
    }
}

static struct window_sums sums_of(const double windows[][2], size_t count)
{
    struct window_sums sums = {.windows = (double)count};
    for (size_t i = 0; i < count; i++) {
        double x = windows[i][0], y = windows[i][1];
        sums.x += x;
        sums.y += y;
        sums.xx += x * x;
        sums.xy += x * y;
        sums.yy += y * y;
    }
    return sums;
}

static double width(struct interval interval)
{
    return interval.high - interval.low;
}

static void windows_that_differ_make_it_wide(void **state)
{
    (void)state;
    const double alike[4][2] = {{100, 50}, {100, 52}, {100, 48}, {100, 50}};
    const double unlike[4][2] = {{100, 0}, {100, 100}, {100, 0}, {100, 100}};
    struct window_sums same = sums_of(alike, 4), other = sums_of(unlike, 4);
    assert_true(width(interval_of_windows(&same, 400)) < 0.2);
    assert_true(width(interval_of_windows(&other, 400)) > 0.8);
}

static void one_window_says_little_and_many_say_much(void **state)
{
    (void)state;
    const double one[1][2] = {{1000, 1000}};
    double many[100][2];
    for (size_t i = 0; i < 100; i++)
        many[i][0] = many[i][1] = 1000;
    struct window_sums few = sums_of(one, 1), all = sums_of(many, 100);
    assert_true(interval_of_windows(&few, 50).low < 0.3);
    assert_true(interval_of_windows(&all, 5000).low > 0.999);
    assert_true(interval_of_windows(&all, 5000).high == 1);
}

static void the_share_lies_within_whatever_the_sums_say(void **state)
{
    (void)state;
    const double odd[] = {0, 1, 3, 1e19, 1e-9};
    for (size_t i = 0; i < 5 * 5 * 5 * 5; i++) {
        struct window_sums sums = {odd[i % 5], odd[i / 5 % 5], odd[i / 25 % 5],
                                   odd[i % 5], odd[i / 125],   odd[i / 5 % 5]};
        struct interval is = interval_of_windows(&sums, odd[i / 125]);
        assert_true(is.low >= 0 && is.low <= is.high && is.high <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_is_as_published),
        cmocka_unit_test(windows_that_differ_make_it_wide),
        cmocka_unit_test(one_window_says_little_and_many_say_much),
        cmocka_unit_test(the_share_lies_within_whatever_the_sums_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
