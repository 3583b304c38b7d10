#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/tune/statistics.h"

static struct samples samples_of(size_t count, const double *values)
{
    struct samples samples = {0};
    for (size_t i = 0; i < count; i++)
        samples_add(&samples, values[i]);
    return samples;
}
#define SAMPLES(...) samples_of(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void the_median_is_the_middle(void **state)
{
    (void)state;
    struct samples odd = SAMPLES(3, 1, 2), even = SAMPLES(4, 1, 3, 2), none = {0};
    assert_true(is_near(samples_median(&odd), 2));
    assert_true(is_near(samples_median(&even), 2.5));
    assert_true(is_near(samples_median(&none), 0));
}

/* Of the 252 ways to draw five of ten, one has the five smallest and one the five largest. */
static void five_and_five_apart_are_two_of_252(void **state)
{
    (void)state;
    struct samples low = SAMPLES(1, 2, 3, 4, 5), high = SAMPLES(6, 7, 8, 9, 10);
    assert_true(is_near(rank_sum_p(&low, &high), 2.0 / 252));
    assert_true(is_near(rank_sum_p(&high, &low), 2.0 / 252));
}

/* Hollander and Wolfe, Nonparametric Statistical Methods, example 4.1: W = 30, one-sided P = .127. */
static void the_rank_sum_is_as_published(void **state)
{
    (void)state;
    struct samples term = SAMPLES(.80, .83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, .73, 1.46);
    struct samples weeks = SAMPLES(1.15, .88, .90, .74, 1.21);
    assert_true(fabs(rank_sum_p(&weeks, &term) / 2 - .1272) < 0.0005);
}

static void equal_runs_say_nothing(void **state)
{
    (void)state;
    struct samples same = SAMPLES(7, 7, 7, 7, 7), none = {0};
    assert_true(is_near(rank_sum_p(&same, &same), 1));
    assert_true(is_near(rank_sum_p(&same, &none), 1));
}

/* 1 1 1 against 1 2 2: of the 20 ways to draw three, four have ones alone, and four have both twos. */
static void runs_that_are_equal_share_their_ranks(void **state)
{
    (void)state;
    struct samples a = SAMPLES(1, 1, 1), b = SAMPLES(1, 2, 2);
    assert_true(is_near(rank_sum_p(&a, &b), 8.0 / 20));
}

static void the_ratio_has_its_interval(void **state)
{
    (void)state;
    struct samples a = SAMPLES(20, 22, 24, 26, 28), b = SAMPLES(10, 10, 10, 10, 10);
    struct ratio ratio = ratio_of(&a, &b, 0.05);
    assert_true(is_near(ratio.estimate, 2.4));
    assert_true(ratio.low >= 2.0 && ratio.low < 2.4 && ratio.high > 2.4 && ratio.high <= 2.8);
    struct samples one = SAMPLES(20), other = SAMPLES(10);
    ratio = ratio_of(&one, &other, 0.05);
    assert_true(is_near(ratio.estimate, 2) && is_near(ratio.low, 0) && isinf(ratio.high));
}

/* The exact interval of five and five at 5 % leaves out three ratios on each side (tables of the rank sum: U <= 2). */
static void the_interval_leaves_out_what_the_table_says(void **state)
{
    (void)state;
    struct samples a = SAMPLES(1, 2, 4, 8, 16), b = SAMPLES(1, 32, 1024, 32768, 1048576);
    struct ratio ratio = ratio_of(&a, &b, 0.05);
    assert_true(is_near(ratio.low * 1048576, 4)); /* the third smallest of 25 different ones */
    assert_true(is_near(ratio.high, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_the_middle),
        cmocka_unit_test(five_and_five_apart_are_two_of_252),
        cmocka_unit_test(the_rank_sum_is_as_published),
        cmocka_unit_test(equal_runs_say_nothing),
        cmocka_unit_test(runs_that_are_equal_share_their_ranks),
        cmocka_unit_test(the_ratio_has_its_interval),
        cmocka_unit_test(the_interval_leaves_out_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
