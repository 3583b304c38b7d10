/* Races among commands that are made up: what each run gives is drawn by a generator with a fixed seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/tune/race.h"

#define RACES 400u

static uint64_t seed = 20261127;

static double even(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

/* Runs take a time around `centre`; as of real programs, the slow ones are further off than the fast ones. */
static double noisy(double centre, double spread)
{
    double bell = sqrt(-2 * log(even())) * cos(2 * M_PI * even());
    return centre * exp(spread * bell) * (even() < 0.1 ? 1 + 3 * spread : 1);
}

static struct race race_of(size_t count)
{
    return (struct race){.count = count, .least = 1.01, .budget = 1e9, .seed = (uint64_t)(even() * 1e15) + 1};
}

/* Runs it to its end; each contender's runs lie around its centre. Returns how many runs that took. */
static unsigned finish(struct race *race, const double *centres, double spread)
{
    unsigned runs = 0;
    for (size_t at; (at = race_next(race, runs)) != RACE_OVER; runs++)
        race_take(race, at, noisy(centres[at], spread), 1);
    return runs;
}

static void where_nothing_differs_one_in_twenty_is_told_apart_at_most(void **state)
{
    (void)state;
    const double same[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    unsigned told = 0;
    for (unsigned i = 0; i < RACES; i++) {
        struct race race = race_of(10);
        finish(&race, same, 0.03);
        told += race.verdict != VERDICT_NO_DIFFERENCE;
    }
    assert_in_range(told, 0, RACES / 20);
}

static void the_better_one_is_found(void **state)
{
    (void)state;
    const double one_better[6] = {1, 1.02, 0.5, 1.4, 1, 1.1};
    for (unsigned i = 0; i < RACES; i++) {
        struct race race = race_of(6);
        finish(&race, one_better, 0.05);
        assert_int_equal(race.verdict, VERDICT_BETTER);
        assert_int_equal(race.best, 2);
        assert_true(race.confidence >= 0.95);
    }
}

static void a_small_difference_is_found_where_runs_differ_little(void **state)
{
    (void)state;
    const double small[3] = {1, 0.95, 1};
    unsigned found = 0;
    for (unsigned i = 0; i < RACES; i++) {
        struct race race = race_of(3);
        finish(&race, small, 0.02);
        found += race.verdict == VERDICT_BETTER && race.best == 1;
    }
    assert_in_range(found, RACES * 9 / 10, RACES);
}

static void the_interval_holds_the_true_gain_19_times_of_20(void **state)
{
    (void)state;
    const double faster[4] = {1, 0.7, 0.9, 1};
    unsigned held = 0;
    for (unsigned i = 0; i < RACES; i++) {
        struct race race = race_of(4);
        finish(&race, faster, 0.1);
        held += race.best != 1 || (race.gain.low <= 1 / 0.7 && race.gain.high >= 1 / 0.7);
    }
    assert_in_range(held, RACES * 19 / 20, RACES);
}

static void for_a_rate_more_is_better(void **state)
{
    (void)state;
    const double rates[3] = {100, 60, 200};
    struct race race = race_of(3);
    race.higher = true;
    finish(&race, rates, 0.01);
    assert_int_equal(race.verdict, VERDICT_BETTER);
    assert_int_equal(race.best, 2);
    assert_true(race.gain.estimate > 1.9 && race.gain.estimate < 2.1);
}

static void plain_wins_where_everything_else_is_worse(void **state)
{
    (void)state;
    const double worse[4] = {1, 1.5, 2, 3};
    struct race race = race_of(4);
    finish(&race, worse, 0.01);
    assert_int_equal(race.verdict, VERDICT_PLAIN);
    assert_int_equal(race.best, 1);
    assert_true(race.confidence >= 0.95);
}

/* One candidate is behind plain in three runs by chance every tenth time: that is no proof. */
static void plain_wins_by_a_proof_alone(void **state)
{
    (void)state;
    const double same[2] = {1, 1};
    unsigned told = 0;
    for (unsigned i = 0; i < RACES; i++) {
        struct race race = race_of(2);
        finish(&race, same, 0.03);
        told += race.verdict != VERDICT_NO_DIFFERENCE;
    }
    assert_in_range(told, 0, RACES / 20);
}

/* Candidates that are far behind cost two rounds, not seven. */
static void what_is_behind_runs_no_more(void **state)
{
    (void)state;
    const double far[8] = {1, 0.3, 2, 2, 2, 2, 2, 2};
    struct race race = race_of(8);
    unsigned runs = finish(&race, far, 0.02);
    assert_int_equal(race.verdict, VERDICT_BETTER);
    assert_int_equal(runs, 2 * 8 + 2 * 5);
    assert_int_equal(race.contenders[2].selection.count, 2);
}

static void a_difference_below_the_least_is_none(void **state)
{
    (void)state;
    const double hardly[2] = {1, 0.997};
    struct race race = race_of(2);
    finish(&race, hardly, 0.0002);
    assert_int_equal(race.verdict, VERDICT_NO_DIFFERENCE);
}

static void the_budget_ends_it(void **state)
{
    (void)state;
    const double centres[4] = {1, 0.5, 1, 1};
    struct race race = race_of(4);
    race.budget = 10;
    assert_true(finish(&race, centres, 0.02) <= 10);
    assert_int_equal(race.verdict, VERDICT_UNDECIDED);
    assert_int_equal(race.best, 1);
}

static void one_that_fails_loses_nothing_of_the_others(void **state)
{
    (void)state;
    struct race race = race_of(4);
    unsigned runs = 0;
    for (size_t at; (at = race_next(&race, runs)) != RACE_OVER; runs++) {
        if (at == 1 && race.is_confirming) /* the best of the selection does not last */
            race_drop(&race, at);
        else
            race_take(&race, at, noisy(at == 1 ? 0.3 : at == 2 ? 0.5 : 1, 0.01), 1);
    }
    assert_int_equal(race.verdict, VERDICT_BETTER);
    assert_int_equal(race.best, 2);
    assert_true(race.contenders[1].is_out && race.contenders[1].selection.count == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nothing_differs_one_in_twenty_is_told_apart_at_most),
        cmocka_unit_test(the_better_one_is_found),
        cmocka_unit_test(a_small_difference_is_found_where_runs_differ_little),
        cmocka_unit_test(the_interval_holds_the_true_gain_19_times_of_20),
        cmocka_unit_test(for_a_rate_more_is_better),
        cmocka_unit_test(plain_wins_where_everything_else_is_worse),
        cmocka_unit_test(plain_wins_by_a_proof_alone),
        cmocka_unit_test(what_is_behind_runs_no_more),
        cmocka_unit_test(a_difference_below_the_least_is_none),
        cmocka_unit_test(the_budget_ends_it),
        cmocka_unit_test(one_that_fails_loses_nothing_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
